"""A search's best configurations as files that train again to the same score.

An export is one tuple: the configuration, the epoch and metric that it reached, the checkpoint it reached them with
(beside it) and that file's hash, the data's fingerprint, seed, device, threads and versions.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field

from search.journal.history import Trial
from search.journal.labels import searched
from search.storage.fetch import bring_checkpoints, bring_results
from search.storage.provenance import cpu_kind, versions
from search.storage.search_folder import SearchFolder, all_folders, open_folder, results_root
from spaces.yaml_file import dump_yaml, read_mapping
from trainers.checkpoint import Checkpoint, newest_checkpoint_path
from trainers.config import METRIC, Config, Real, Seed, TrialConfig, Whole, parse
from trainers.data import load
from trainers.errors import EnvironmentProblem, InputError
from trainers.files import file_hash, write_atomically
from trainers.launch.local_processes import run_trial_on
from trainers.pipeline import Reporter, TrialResult

GPU_TOLERANCE = 0.02  # of a balanced accuracy, where kernels add up in another order each time


class Expected(Config):
    """What an exported configuration reached, and where."""

    metric: Literal["val_balanced_accuracy", "val_accuracy", "val_macro_f1", "val_auroc"]
    value: Real
    epoch: Whole
    weights: str | None = None  # file name, beside the export
    weights_sha256: str | None = None
    data_fingerprint: str
    data: str
    seed: Seed
    device: str
    gpu: str | None = None  # its name; older exports have none
    threads: Annotated[Whole, Field(ge=1)]
    workers: Annotated[Whole, Field(ge=1)] = 1
    cpu: str
    versions: dict[str, str]


@dataclass(frozen=True)
class Export:
    """One exported configuration, or a plain one, of which nothing is expected."""

    config: TrialConfig
    expected: Expected | None = None
    search_id: str | None = None  # of the search that it was exported from


def export(name: str, *, top: int = 1, results: Path | None = None) -> list[Path]:
    """Write the best `top` finished trials of a search as best-1.yaml and best-1.pt, and so on; the YAML files.

    Raises InputError when fewer trials finished, or when one's checkpoint is gone or damaged.
    """
    folder = open_folder(results_root(results), name)
    ranked = folder.history().ranked()
    if not 1 <= top <= len(ranked):
        finished = "1 trial" if len(ranked) == 1 else f"{len(ranked)} trials"
        raise InputError(f"--top: {finished} of {name} finished, but got {top}")
    bring_results(folder)
    bring_checkpoints(folder, [trial.number for trial in ranked[:top]])
    kept = [newest_checkpoint_path(folder.trial(trial.number).checkpoints) for trial in ranked[:top]]
    for trial, checkpoint in zip(ranked, kept, strict=False):
        if checkpoint is None:
            keep = folder.spec().search.keep_best
            raise InputError(
                f"trial {trial.number} of {name} has no whole checkpoint left to export; search.keep_best kept {keep}"
            )
    return [
        _export(folder, trial, rank, path)
        for rank, (trial, path) in enumerate(zip(ranked, kept, strict=False), 1)
        if path is not None
    ]


def _export(folder: SearchFolder, trial: Trial, rank: int, checkpoint: Path) -> Path:
    spec, about = folder.spec(), folder.about()
    device, gpu = _device_of(folder, trial)
    target, weights = folder.exported(rank)
    write_atomically(weights, checkpoint.read_bytes())
    expected = Expected(
        metric=spec.search.metric_key,
        value=trial.score,
        epoch=trial.epoch,
        weights=weights.name,
        weights_sha256=file_hash(weights),
        data_fingerprint=about["provenance"]["data"]["fingerprint"],
        data=about["provenance"]["data"]["description"],
        seed=trial.config["seed"],
        device=device,
        gpu=gpu,
        threads=max(1, int(spec.resources.cpus)),
        workers=spec.resources.workers,
        cpu=about["provenance"]["machine"]["cpu"],
        versions=about["provenance"]["versions"],
    )
    origin = {
        "search": folder.name,
        "search_id": about["id"],
        "trial": trial.number,
        "rank": rank,
        "family": trial.family,
        "git_commit": about["provenance"]["git_commit"],
    }
    document = {"config": trial.config, "expected": expected.model_dump(), "origin": origin}
    values = ", ".join(f"{path} = {value}" for path, value in searched(trial).items())
    heading = f"# {trial.family}: {values}\n# train it again with: afcl train {target.name}\n"
    write_atomically(target, (heading + dump_yaml(document)).encode())
    return target


def read_export(path: Path) -> Export:
    """An exported file, or a plain trial config. Raises InputError in one line."""
    raw = read_mapping(path).values
    if "config" not in raw:
        return Export(parse(TrialConfig, raw))
    if not isinstance(raw["config"], Mapping) or not isinstance(raw.get("expected"), Mapping):
        raise InputError(f"{path}: an export has the sections config and expected")
    origin = raw.get("origin")
    search_id = origin.get("search_id") if isinstance(origin, Mapping) else None
    expected = parse(Expected, raw["expected"], "expected")
    return Export(parse(TrialConfig, raw["config"], "config"), expected, None if search_id is None else str(search_id))


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
            f"see `afcl data check {exported.config.data.dataset}`"
        )
    torch.set_num_threads(expected.threads)
    device = _device_like(expected.device)
    return trained_on(device, _workers_on(device, expected.workers))


def search_of(path: Path, exported: Export, results: Path | None = None) -> SearchFolder | None:
    """The search that a file was exported from, wherever it was copied to; None when it is of none that is here."""
    for folder in (*all_folders(path.absolute().parent.parent), *all_folders(results_root(results))):
        with suppress(InputError):  # a neighbour that cannot be read
            if exported.search_id is not None and folder.about()["id"] == exported.search_id:
                return folder
    return None


def compare(exported: Export, result: TrialResult) -> dict[str, Any]:
    """A trained score beside the exported one, and what could account for a difference; plain values."""
    expected = exported.expected
    metric = expected.metric if expected else METRIC
    value = result.metrics[metric]
    devices = (expected.device, result.device) if expected else ()
    rounds = not exported.config.deterministic and any(device.startswith("cuda") for device in devices)
    return {
        "metric": metric,
        "value": value,
        "expected": expected.value if expected else None,
        "same": value == expected.value if expected else None,
        "within_tolerance": abs(value - expected.value) <= GPU_TOLERANCE if expected else None,
        "tolerance": GPU_TOLERANCE if rounds else None,  # None: the digits must be the same
        "differences": differences(expected, result.device, result.gpu) if expected else [],
        "recall": result.recall,
        "confusion": result.confusion,
        "device": result.device,
        "gpu": result.gpu,
    }


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


def in_words(comparison: Mapping[str, Any]) -> Iterator[str]:
    """A comparison for a person."""
    recalls = ", ".join(f"{name} {value:.4f}" for name, value in comparison["recall"].items())
    yield f"{comparison['metric']} {comparison['value']!r}   (recall: {recalls})"
    if "test" in comparison:
        yield "on the test split: " + ", ".join(f"{name} {value:.4f}" for name, value in comparison["test"].items())
    if comparison["expected"] is None:
        return
    yield f"exported {' ' * (len(comparison['metric']) - 9)} {comparison['expected']!r}"
    reasons, tolerance = "; ".join(comparison["differences"]), comparison["tolerance"]
    if comparison["same"]:
        yield "the same, to the last digit"
    elif tolerance is not None:
        yield _rounded(comparison["within_tolerance"], tolerance, reasons)
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


def _device_of(folder: SearchFolder, trial: Trial) -> tuple[str, str | None]:
    """The device and, where it is one, the GPU's name."""
    result = folder.trial(trial.number).read_result()
    return (str(result["device"]), result.get("gpu")) if result else ("cpu", None)


def _workers_on(device: torch.device, workers: int) -> int:
    """As many where each can have a GPU, and else one, which computes the same up to rounding."""
    return workers if device.type != "cuda" or torch.cuda.device_count() >= workers else 1


def _device_like(device: str) -> torch.device:
    """A GPU for what was trained on one, where there is one; else the CPU."""
    return torch.device("cuda" if device.startswith("cuda") and torch.cuda.is_available() else "cpu")
