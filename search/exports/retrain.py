"""Train an exported configuration again, and compare its score with the exported one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from search.exports.export import Expected, Export
from search.storage.provenance import cpu_kind, versions
from trainers.checkpoint import Checkpoint
from trainers.commands import command_line
from trainers.compute.devices import GPUS, best_device
from trainers.config import METRIC
from trainers.data import load
from trainers.errors import EnvironmentProblem
from trainers.launch.local_processes import run_trial_on
from trainers.pipeline import Reporter
from trainers.trial_result import TrialResult

GPU_TOLERANCE = 0.02  # for a balanced accuracy, as GPU kernels add up in another order each time


@dataclass(frozen=True)
class Trained:
    """The result of a training, and the last checkpoint of that training."""

    result: TrialResult
    checkpoint: Checkpoint


def train(exported: Export, report: Reporter, *, data: Path | None = None) -> Trained:
    """Train a configuration on this machine.

    The number of threads is that of the export. So are the device type and the number of workers, unless this machine
    lacks the GPUs for them.

    Args:
        exported: the configuration. A plain config is trained on a GPU if there is one.
        report: is called with each epoch's number and metrics.
        data: the folder of data sets and caches.

    Raises:
        EnvironmentProblem: the data are not on this machine, or differ from those of the export.
    """
    arrays, expected = load(exported.config.data, data), exported.expected
    newest: list[Checkpoint] = []

    def keep(checkpoint: Checkpoint) -> None:
        newest[:] = [checkpoint]

    def trained_on(device: torch.device, workers: int = 1) -> Trained:
        return Trained(run_trial_on(workers, exported.config, arrays, report, save=keep, device=device), newest[0])

    if expected is None:
        return trained_on(_device_like("cuda"))
    if expected.data_fingerprint != arrays.fingerprint:
        raise EnvironmentProblem(
            f"data: {arrays.description} is not what this was trained on ({expected.data}); "
            f"see `{command_line('data', 'check', exported.config.data.dataset)}`"
        )
    torch.set_num_threads(expected.threads)
    device = _device_like(expected.device)
    return trained_on(device, _workers_on(device, expected.workers))


@dataclass(frozen=True)
class Comparison:
    """The score of a training beside the exported score, with possible causes of a difference.

    `expected`, `same` and `within_tolerance` are None for a plain config, which has no exported score.
    """

    metric: str
    value: float
    expected: float | None
    same: bool | None  # whether the scores agree to the last digit
    within_tolerance: bool | None  # whether the scores differ by at most GPU_TOLERANCE
    tolerance: float | None  # None: the scores must agree to the last digit
    differences: tuple[str, ...]  # what differs from the export's training; see `differences`
    recall: Mapping[str, float]  # by class
    confusion: Sequence[Sequence[int]]
    device: str
    gpu: str | None
    test: Mapping[str, float] | None = None  # scores on the test split, if it was opened

    def as_json(self) -> dict[str, Any]:
        """The comparison as plain values, as `afcl train --json` prints them. `test` is left out if it is None."""
        values = asdict(self) | {"differences": list(self.differences)}
        return {key: value for key, value in values.items() if key != "test" or value is not None}


def compare(exported: Export, result: TrialResult) -> Comparison:
    """Compare the result of a training with the score in `exported`, if that has one."""
    expected = exported.expected
    metric = expected.metric if expected else METRIC
    value = result.metrics[metric]
    devices = (expected.device, result.device) if expected else ()
    rounds = not exported.config.deterministic and any(device.startswith(GPUS) for device in devices)
    return Comparison(
        metric=metric,
        value=value,
        expected=expected.value if expected else None,
        same=value == expected.value if expected else None,
        within_tolerance=abs(value - expected.value) <= GPU_TOLERANCE if expected else None,
        tolerance=GPU_TOLERANCE if rounds else None,
        differences=tuple(differences(expected, result.device, result.gpu)) if expected else (),
        recall=result.recall,
        confusion=result.confusion,
        device=result.device,
        gpu=result.gpu,
    )


def differences(expected: Expected, device: str, gpu: str | None) -> list[str]:
    """Why a score may differ from the exported one, a text for each reason: versions, CPU, device, GPU or workers."""
    here = versions()
    found = [
        f"{name} {there} there, {here.get(name)} here"
        for name, there in expected.versions.items()
        if here.get(name) != there
    ]
    if expected.cpu != cpu_kind():
        found.append(f"CPU {expected.cpu} there, {cpu_kind()} here")
    if expected.device.partition(":")[0] != device.partition(":")[0]:
        found.append(f"device {expected.device} there, {device} here")
        return found
    if expected.gpu != gpu:
        found.append(f"GPU {expected.gpu or 'not recorded'} there, {gpu} here")
    if (workers := _workers_on(torch.device(device), expected.workers)) != expected.workers:
        found.append(f"{expected.workers} workers there, {workers} here")
    return found


def in_words(comparison: Comparison) -> Iterator[str]:
    """The comparison as text, line by line."""
    recalls = ", ".join(f"{name} {value:.4f}" for name, value in comparison.recall.items())
    yield f"{comparison.metric} {comparison.value!r}   (recall: {recalls})"
    if comparison.test is not None:
        overall = {name: value for name, value in comparison.test.items() if "/" not in name}  # no class's score
        yield "on the test split: " + ", ".join(f"{name} {value:.4f}" for name, value in overall.items())
    if comparison.expected is None:
        return
    yield f"exported {' ' * (len(comparison.metric) - 9)} {comparison.expected!r}"
    reasons = "; ".join(comparison.differences)
    if comparison.same:
        yield "the same, to the last digit"
    elif comparison.tolerance is not None:
        yield _rounded(bool(comparison.within_tolerance), comparison.tolerance, reasons)
    elif reasons:
        yield f"not the same: {reasons}"
    else:
        yield "not the same, although CPU kind, versions and device are: please report this"


def _rounded(within: bool, tolerance: float, reasons: str) -> str:
    """The line for a score that a GPU did not reproduce to the last digit."""
    because = f": {reasons}" if reasons else ""
    if within:
        said = f"not the same to the digit, but within {tolerance}, which a GPU may be off without `deterministic`"
    else:
        said = f"not the same, and more than {tolerance} off, the most that a GPU should be without `deterministic`"
        because = because or ", although GPU, CPU and versions are the same: please report this"
    return said + because


def _workers_on(device: torch.device, workers: int) -> int:
    """The number of workers to train with: `workers` on a CPU, or if each worker can have a CUDA GPU; else one.

    One worker computes the same score as several, up to rounding.
    """
    return workers if device.type == "cpu" or torch.cuda.device_count() >= workers else 1


def _device_like(device: str) -> torch.device:
    """A GPU if the export was trained on one and this machine has one; else the CPU."""
    return best_device() if device.startswith(GPUS) else torch.device("cpu")
