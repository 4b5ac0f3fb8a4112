"""Export a search's best configurations as files. Training from such a file gives the same score again.

An export has all that is needed for this: the configuration, the epoch and the score that it reached, the hash of its
checkpoint (a file beside it), the data's fingerprint, the seed, the device, the threads and the versions of packages.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from search.journal.history import Trial
from search.journal.labels import searched
from search.storage.fetch import bring_checkpoints, bring_results
from search.storage.results_folder import all_folders
from search.storage.search_folder import SearchFolder, results_root
from spaces.yaml_file import dump_yaml, read_mapping
from trainers.checkpoint import newest_checkpoint_path
from trainers.commands import command_line
from trainers.config import TrialConfig
from trainers.config_base import Config, Real, Seed, Whole
from trainers.errors import InputError
from trainers.files import file_hash, write_atomically
from trainers.older_configs import as_meant_then
from trainers.parsing import parse


class Expected(Config):
    """The score that an exported configuration reached, and the weights, data, seed and machine of that training."""

    metric: Literal["val_balanced_accuracy", "val_accuracy", "val_macro_f1", "val_auroc"]
    value: Real
    epoch: Whole
    weights: str | None = None  # the name of the checkpoint beside the export
    weights_sha256: str | None = None
    data_fingerprint: str
    data: str
    look: dict[str, Any] | None = None  # how image files were read; None for other data and in older exports
    seed: Seed
    device: str
    gpu: str | None = None  # the GPU's name; older exports have none
    threads: Annotated[Whole, Field(ge=1)]
    workers: Annotated[Whole, Field(ge=1)] = 1
    cpu: str
    versions: dict[str, str]


class Threshold(Config):
    """A class's threshold, and its sensitivity and specificity on the validation images on which it was chosen."""

    probability: Annotated[Real, Field(gt=0, le=1)]
    wanted_sensitivity: Annotated[Real, Field(gt=0, le=1)]
    sensitivity: Real
    specificity: Real
    images: Whole  # how many validation images the class has


@dataclass(frozen=True)
class Export:
    """One exported configuration, or a plain trial config, which has no expected score."""

    config: TrialConfig
    expected: Expected | None = None
    search_id: str | None = None  # the id of the search that the configuration was exported from
    thresholds: Mapping[str, float] = field(default_factory=dict)  # class -> its threshold on the probability


@dataclass(frozen=True)
class Choice:
    """A trial to export, and the basis of its rank."""

    trial: Trial
    by: str = "search"  # the basis of the ranking: search, final or confirm
    fresh_seeds: Mapping[str, Any] | None = None  # mean, standard error and number of seeds, if it ran on fresh seeds
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)  # by class; a class may have none


def export(folder: SearchFolder, ranked: Sequence[Choice], *, top: int = 1) -> list[Path]:
    """Write the first `top` of a search's finished trials as best-1.yaml and best-1.pt, best-2.yaml, and so on.

    Files of an earlier export are removed, as their ranks may differ.

    Args:
        folder: the search's folder.
        ranked: the finished trials, best first.
        top: how many of these trials to export.

    Returns:
        The YAML files, best first.

    Raises:
        InputError: `top` is below 1 or above the number of finished trials, or a checkpoint is gone or damaged. In both
            cases no file was removed.
    """
    name = folder.name
    if not 1 <= top <= len(ranked):
        finished = "1 trial" if len(ranked) == 1 else f"{len(ranked)} trials"
        raise InputError(f"--top: {finished} of {name} finished, but got {top}")
    bring_results(folder)
    chosen = ranked[:top]
    bring_checkpoints(folder, [choice.trial.number for choice in chosen])
    kept = [newest_checkpoint_path(folder.trial(choice.trial.number).checkpoints) for choice in chosen]
    for choice, checkpoint in zip(chosen, kept, strict=True):
        if checkpoint is None:
            raise InputError(
                f"trial {choice.trial.number} of {name} has no whole checkpoint left to export; search.keep_best kept "
                f"{folder.spec().search.checkpoints_kept}"
            )
    for old in folder.all_exported():
        old.unlink()
    return [
        _export(folder, choice, rank, path)
        for rank, (choice, path) in enumerate(zip(chosen, kept, strict=True), 1)
        if path is not None
    ]


def _export(folder: SearchFolder, choice: Choice, rank: int, checkpoint: Path) -> Path:
    spec, about, trial = folder.spec(), folder.about(), choice.trial
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
        look=about["provenance"]["data"].get("look"),
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
        **({} if choice.fresh_seeds is None else {"ranked_by": choice.by, "fresh_seeds": dict(choice.fresh_seeds)}),
        "family": trial.family,
        "git_commit": about["provenance"]["git_commit"],
    }
    unset = {"look"} if expected.look is None else None
    document = {"config": trial.config, "expected": expected.model_dump(exclude=unset), "origin": origin}
    if choice.thresholds:
        document["thresholds"] = {name: one.model_dump() for name, one in choice.thresholds.items()}
    values = ", ".join(f"{path} = {value}" for path, value in searched(trial).items())
    heading = f"# {trial.family}: {values}\n# train it again with: {command_line('train', target.name, data=None)}\n"
    write_atomically(target, (heading + dump_yaml(document)).encode())
    return target


def read_export(path: Path) -> Export:
    """Read an exported file or a plain trial config. Raises InputError, with one line, if the file is neither."""
    raw = read_mapping(path).values
    if "config" not in raw:
        return Export(parse(TrialConfig, raw))
    if not isinstance(raw["config"], Mapping) or not isinstance(raw.get("expected"), Mapping):
        raise InputError(f"{path}: an export has the sections config and expected")
    origin = raw.get("origin")
    search_id = origin.get("search_id") if isinstance(origin, Mapping) else None
    expected = parse(Expected, raw["expected"], "expected")
    config = parse(TrialConfig, as_meant_then(raw["config"]), "config")
    return Export(config, expected, None if search_id is None else str(search_id), _thresholds(path, raw))


def _thresholds(path: Path, raw: Mapping[str, Any]) -> dict[str, float]:
    """By class, the thresholds in an export; empty in older exports and if none was asked for."""
    given = raw.get("thresholds", {})
    if not isinstance(given, Mapping) or not all(isinstance(one, Mapping) for one in given.values()):
        raise InputError(f"{path}: thresholds must be a mapping of classes")
    return {str(name): parse(Threshold, one, f"thresholds.{name}").probability for name, one in given.items()}


def search_of(path: Path, exported: Export, results: Path | None = None) -> SearchFolder | None:
    """The search that a file was exported from, even if the file was copied to another folder.

    The results folder around the file is searched first, then `results`. None if the search is in neither.
    """
    for folder in (*all_folders(path.absolute().parent.parent), *all_folders(results_root(results))):
        with suppress(InputError):  # a damaged search cannot be read, but the next one may be the right one
            if exported.search_id is not None and folder.about()["id"] == exported.search_id:
                return folder
    return None


def _device_of(folder: SearchFolder, trial: Trial) -> tuple[str, str | None]:
    """The device that a trial ran on, and the GPU's name (None on a CPU). Without a result file, the CPU is assumed."""
    result = folder.trial(trial.number).read_result()
    return (str(result["device"]), result.get("gpu")) if result else ("cpu", None)
