"""The words that take something away from a search, use it, or remove the search itself."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from search.display.console import to_console
from search.evidence.ranking import Basis
from search.storage.results_folder import folder_named, open_folder
from search.storage.search_folder import results_root
from trainers.commands import told_in_hints
from trainers.errors import EnvironmentProblem

if TYPE_CHECKING:
    from search.exports.prediction import Predictions
    from search.exports.retrain import Comparison
    from search.journal.frames import Format


@told_in_hints
def export(
    name: str,
    *,
    top: int = 1,
    by: Basis | None = None,
    sensitivity: Mapping[str, float] | None = None,
    onnx: bool = False,
    tables: "Format | None" = None,
    results: Path | None = None,
    data: Path | None = None,
    console: Console | None = None,
) -> list[Path]:
    """Write a search's best configurations: best-1.yaml, its weights best-1.pt and its card best-1.md, and so on.

    Args:
        name: of the search.
        top: how many of the best trials.
        by: what ranks them: "confirm" the mean of the last confirmation, "final" that of the last step, both on fresh
            seeds; "search" the scores of the search itself. None takes the first of these that there is.
        sensitivity: by class, the share of its images that is to be found. The threshold on the class's probability
            that finds it among the validation images is exported, and `predict` goes by it.
        onnx: also best-1.onnx, for runtimes other than torch.
        tables: write trials, epochs, decisions, classes and confusions instead, as "csv" or "parquet".
        results: the folder for what searches leave; by default AFCL_RESULTS, else ./results.
        data: the folder of data sets and caches: a threshold and ONNX need the validation images.
        console: where it is said what the tables lack; by default standard error.

    Returns:
        The YAML files, best first; or the files of the tables.

    Raises:
        InputError: there is no such search or nothing to rank by, fewer trials finished, or a checkpoint is gone.
        EnvironmentProblem: the search's store does not answer, the data are not here, or what writes ONNX is not
            installed.
    """
    if tables is not None:
        return _write_tables(name, tables, results, console)
    from search.reporting.exported import export_best

    folder = open_folder(results_root(results), name)
    return export_best(folder, top=top, by=by, sensitivity=sensitivity, onnx=onnx, data=data)


@told_in_hints
def predict(
    export: Path | str,
    images: Sequence[Path | str],
    *,
    thresholds: Mapping[str, float] | None = None,
    device: str | None = None,
) -> "Predictions":
    """Classify image files as an exported model does, from the export and the weights beside it alone.

    Args:
        export: the YAML file that `export` wrote.
        images: image files, and folders all of whose images are meant.
        thresholds: by class, from which probability on it is said; by default those that were exported.
        device: "cpu" or "cuda"; by default a GPU where there is one.

    Raises:
        InputError: the export has no weights or was not trained on image files, or no image can be used.
        EnvironmentProblem: the weights are not beside it, or are others; or there is no such device.
    """
    from search.exports import prediction  # seconds, for torch

    where = prediction.device_named(device)
    return prediction.predict(Path(export), [Path(path) for path in images], thresholds=thresholds, device=where)


def _write_tables(name: str, kind: "Format", results: Path | None, console: Console | None) -> list[Path]:
    from search.storage.fetch import bring_results

    folder = folder_named(results_root(results), name)
    try:
        bring_results(folder)
    except EnvironmentProblem as problem:  # all other tables are made of the journal
        to_console(console, sys.stderr)(f"{problem}: confusions lack what is only there")
    return folder.frames().write(folder.tables, kind)


@told_in_hints
def train(
    config: Path | str,
    *,
    test: bool = False,
    again: bool = False,
    allow_copies: bool = False,
    results: Path | None = None,
    data: Path | None = None,
    console: Console | None = None,
    on_epoch: Callable[[int, int, Mapping[str, float]], None] = lambda epoch, last, metrics: None,
) -> "Comparison":
    """Train one configuration again, and hold its score beside the exported one.

    Args:
        config: an exported YAML file, or a plain trial config.
        test: score it on the test split too, which opens the split.
        again: open the test split once more; it is written down.
        allow_copies: also where test images repeat training images; it is written down.
        results: the folder for what searches leave; by default AFCL_RESULTS, else ./results.
        data: the folder of data sets and caches; by default AFCL_DATA, else the platform's cache folder.
        console: where it is said what the test split lacks; by default standard error.
        on_epoch: is told of each epoch its number, the last one's number and what was measured; first, with epoch 0,
            that training begins.

    Raises:
        InputError: the file is no configuration, the test split was opened before (unless `again`), or it repeats
            training images (unless `allow_copies`).
        EnvironmentProblem: the data are not here, or are others than the configuration was trained on.
        DivergedError: the loss is no longer finite.
    """
    from search.engine.copy_check import refuse_faults
    from search.evidence.candidates import refuse_while_confirming
    from search.exports import export as exports
    from search.exports import retrain
    from search.storage.fetch import know_every_opening
    from search.storage.test_split_log import open_once, record_of, refuse_second
    from spaces.spec import refuse_spec
    from trainers.data import load_test
    from trainers.predictor import Predictor, score_split

    path = Path(config)
    refuse_spec(path)
    exported = exports.read_export(path)
    search = exports.search_of(path, exported, results) if test else None
    record = record_of(path, search)
    if test:
        know_every_opening(search)
        refuse_second(record, again=again)
        if search is not None:
            refuse_while_confirming(search, again=again)
        say = to_console(console, sys.stderr)
        allowed = refuse_faults(exported.config.data, data, allow=allow_copies, say=say)
    last = exported.config.last_epoch
    on_epoch(0, last, {})
    trained = retrain.train(exported, lambda epoch, metrics: on_epoch(epoch, last, metrics), data=data)
    comparison = retrain.compare(exported, trained.result)
    if test:
        images = load_test(exported.config.data, data)
        know_every_opening(search)  # another host may have looked while this trained
        by = f"train {path.name}{' --allow-copies' if allowed else ''}"
        open_once(record, by, again=again)
        know_every_opening(search)
        comparison = replace(comparison, test=score_split(Predictor(trained.checkpoint), images).metrics)
    return comparison


def rm(
    name: str,
    *,
    ask: Callable[[str], bool] = lambda question: True,
    results: Path | None = None,
    console: Console | None = None,
) -> Path | None:
    """Remove a search, from its storage too. Its runs in MLflow stay.

    Args:
        name: of the search.
        ask: is given the question whether what it names may be removed; by default nobody is asked.
        results: the folder for what searches leave; by default AFCL_RESULTS, else ./results.
        console: where it is said what stays; by default standard output.

    Returns:
        The folder that was removed; None where `ask` said no.

    Raises:
        InputError: there is no such search, it runs, or it is a confirmation, which stays with its search.
        EnvironmentProblem: the search's store does not answer.
    """
    from search.storage import removal

    folder = folder_named(results_root(results), name)
    storage = removal.stored_of(folder, to_console(console))
    also = "" if storage is None else f" and {storage.shown}"
    if not ask(f"remove {folder.path}{also} with everything in it?"):
        return None
    removal.remove(folder, storage)
    return folder.path
