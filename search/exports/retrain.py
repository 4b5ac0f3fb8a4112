"""Train an exported configuration again, and hold its score beside the exported one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from search.exports.export import Expected, Export
from search.storage.provenance import cpu_kind, versions
from trainers.checkpoint import Checkpoint
from trainers.commands import command_line
from trainers.config import METRIC
from trainers.data import load
from trainers.errors import EnvironmentProblem
from trainers.launch.local_processes import run_trial_on
from trainers.pipeline import Reporter, TrialResult

GPU_TOLERANCE = 0.02  # of a balanced accuracy, where kernels add up in another order each time


@dataclass(frozen=True)
class Trained:
    """A configuration that was trained, with its last checkpoint."""

    result: TrialResult
    checkpoint: Checkpoint


def train(exported: Export, report: Reporter, *, data: Path | None = None) -> Trained:
    """Train a configuration here, on as many workers and threads and the kind of device that it was exported from.

    Raises EnvironmentProblem when the data here is not the data that it was trained on.
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
    """A trained score beside the exported one, and what could account for a difference.

    What is held against the export is None where nothing was exported.
    """

    metric: str
    value: float
    expected: float | None
    same: bool | None  # to the last digit
    within_tolerance: bool | None
    tolerance: float | None  # None: the digits must be the same
    differences: tuple[str, ...]
    recall: Mapping[str, float]  # by class
    confusion: Sequence[Sequence[int]]
    device: str
    gpu: str | None
    test: Mapping[str, float] | None = None  # scores on the test split, where it was opened

    def as_json(self) -> dict[str, Any]:
        """Plain values, as `afcl train --json` prints them."""
        values = asdict(self) | {"differences": list(self.differences)}
        return {key: value for key, value in values.items() if key != "test" or value is not None}


def compare(exported: Export, result: TrialResult) -> Comparison:
    """Hold what a trial came to against what it was exported with."""
    expected = exported.expected
    metric = expected.metric if expected else METRIC
    value = result.metrics[metric]
    devices = (expected.device, result.device) if expected else ()
    rounds = not exported.config.deterministic and any(device.startswith("cuda") for device in devices)
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
    """What stands between an exported score and the same digits here: versions, CPU kind, device."""
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
    """A comparison for a person."""
    recalls = ", ".join(f"{name} {value:.4f}" for name, value in comparison.recall.items())
    yield f"{comparison.metric} {comparison.value!r}   (recall: {recalls})"
    if comparison.test is not None:
        overall = {name: value for name, value in comparison.test.items() if "/" not in name}  # those of a class
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
    """A score of a GPU that is not the same."""
    because = f": {reasons}" if reasons else ""
    if within:
        said = f"not the same to the digit, but within {tolerance}, which a GPU may be off without `deterministic`"
    else:
        said = f"not the same, and more than {tolerance} off, which a GPU may be without `deterministic`"
        because = because or ", although GPU, CPU kind and versions are: please report this"
    return said + because


def _workers_on(device: torch.device, workers: int) -> int:
    """As many where each can have a GPU, and else one, which computes the same up to rounding."""
    return workers if device.type != "cuda" or torch.cuda.device_count() >= workers else 1


def _device_like(device: str) -> torch.device:
    """A GPU for what was trained on one, where there is one; else the CPU."""
    return torch.device("cuda" if device.startswith("cuda") and torch.cuda.is_available() else "cpu")
