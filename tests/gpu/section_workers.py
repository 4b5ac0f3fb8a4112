"""One trial of two workers on one card: NCCL refuses two ranks on one card, so they speak by gloo."""

from collections.abc import Iterator

import torch
from rows import Row
from setting import Setting, digits, trial

from trainers.checkpoint import Checkpoint
from trainers.launch.local_processes import run_trial_on


def rows(setting: Setting) -> Iterator[Row]:
    """Two workers against one in float32 (`deterministic: true` has no TF32), and in the usual arithmetic."""
    data = digits()
    stages = {"representation": {"epochs": 2, "batch_size": 250}, "classifier": {"epochs": 1}}
    first: dict[int, Checkpoint] = {}
    told: dict[int, list[float]] = {}
    for workers in (1, 2):
        losses: list[float] = []

        def report(step: int, metrics, into=losses) -> None:
            into.append(metrics["train_loss"])

        def save(checkpoint: Checkpoint, of=workers) -> None:
            if checkpoint.epoch == 1:
                first[of] = checkpoint

        run_trial_on(workers, trial(**stages), data, report, save=save, device=setting.device)
        told[workers] = losses
    apart = abs(told[2][0] / told[1][0] - 1)
    yield Row(
        "loss of the first epoch, two workers against one", apart, "of it", at_most=2e-2 if setting.on_gpu else 1e-4
    )
    weights = [
        float((first[2].encoder[name].float() - one.float()).norm() / one.float().norm().clamp(min=1e-6))
        for name, one in first[1].encoder.items()
        if one.is_floating_point()
    ]
    limit = 0.1 if setting.on_gpu else 1e-2  # bfloat16 rounds a sum of half a batch differently
    yield Row(
        "an encoder's weights after it, largest difference of a tensor", max(weights), "of its norm", at_most=limit
    )
    yield Row.check("both went on to their last epoch", len(told[1]) == len(told[2]) == trial(**stages).last_epoch)
    assert torch.isfinite(torch.tensor(told[2])).all()
