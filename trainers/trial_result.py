"""The result of a trial, which is read from its last checkpoint."""

from dataclasses import dataclass

import torch

from trainers.checkpoint import Checkpoint
from trainers.compute.precision import gpu_name
from trainers.config import METRIC
from trainers.stages.metrics import recalls


@dataclass(frozen=True)
class TrialResult:
    """The result of a trial: its last epoch's metrics, and its confusion matrix and recalls on the validation split."""

    epoch: int
    metrics: dict[str, float]
    confusion: list[list[int]]  # a row for each true class, a column for each predicted class
    recall: dict[str, float]  # by class name
    class_names: tuple[str, ...]
    fingerprint: str  # of the trial's data
    device: str
    gpu: str | None = None  # the GPU's name; None on a CPU

    @property
    def score(self) -> float:
        """The value of METRIC at the last epoch."""
        return self.metrics[METRIC]


def result_of(checkpoint: Checkpoint, device: torch.device) -> TrialResult:
    """The result of a trial on `device`, from its last checkpoint."""
    class_names = tuple(checkpoint.class_names)
    return TrialResult(
        epoch=checkpoint.epoch,
        metrics=checkpoint.metrics,
        confusion=checkpoint.confusion.tolist(),
        recall=dict(zip(class_names, recalls(checkpoint.confusion).tolist(), strict=True)),
        class_names=class_names,
        fingerprint=checkpoint.fingerprint,
        device=str(device),
        gpu=gpu_name(device),
    )
