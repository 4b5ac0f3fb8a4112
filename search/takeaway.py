"""The functions behind the commands `export`, `predict`, `train` and `rm`."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from search.display.console import to_console
from search.evidence.ranking import Basis
from search.storage.published import need_journal
from search.storage.results_folder import folder_named, open_folder
from search.storage.search_folder import results_root
from trainers.commands import told_in_hints
from trainers.errors import EnvironmentProblem, InputError

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
    """Write a search's best configurations into its folder.

    The best one becomes best-1.yaml with its weights best-1.pt and its model card best-1.md; the next becomes best-2.

    Args:
        name: the search's name.
        top: how many of the best trials to export.
        by: what ranks the trials: "confirm", their means over the fresh seeds of the last confirmation; "final", their
            means over the fresh seeds of the last step; or "search", the search's own order. None takes the first of
            these that exists.
        sensitivity: for each class, the wanted sensitivity: the share of its images that must be found. The export
            then has a threshold on the class's probability that reaches this share on the validation images, and
            `predict` uses the threshold.
        onnx: also write best-1.onnx, for runtimes other than torch.
        tables: write the tables of trials, epochs, decisions, classes and confusions instead, as "csv" or "parquet".
        results: the results folder, which holds all searches; by default AFCL_RESULTS, else ./results.
        data: the folder of data sets and caches. Only thresholds and ONNX need it, for the validation images.
        console: where a message about incomplete tables goes; by default standard error.

    Returns:
        The YAML files, best first; with `tables`, the files of the tables.

    Raises:
        InputError: there is no such search, nothing to rank by, fewer than `top` finished trials, or a checkpoint is
            gone.
        EnvironmentProblem: the search's store does not answer, the data are not on this machine, or the package that
            writes ONNX is not installed.
    """
    if tables is not None:
        if onnx or sensitivity:
            raise InputError("--tables: writes tables instead of models; leave out --onnx and --sensitivity")
        return _write_tables(name, tables, results, console)
    from search.reporting.exported import export_best

    folder = open_folder(results_root(results), name)
    need_journal(folder, "export")
    return export_best(folder, top=top, by=by, sensitivity=sensitivity, onnx=onnx, data=data)


@told_in_hints
def predict(
    export: Path | str,
    images: Sequence[Path | str],
    *,
    thresholds: Mapping[str, float] | None = None,
    device: str | None = None,
) -> "Predictions":
    """Classify image files with an exported model. Only the export and the weights beside it are needed.

    Args:
        export: the YAML file that `export` wrote.
        images: image files and folders. All images of a folder are classified.
        thresholds: for each class, a threshold on its probability; by default the exported thresholds. If several
            classes reach their thresholds, the most probable of these is predicted. If none does, the most probable
            class without a threshold is, or the most probable of all if every class has one.
        device: "cpu", "cuda" or "mps"; by default a GPU if there is one.

    Raises:
        InputError: the export has no weights; it was trained neither on image files nor on a dataset of your own whose
            module has the function `read_image`; or no image can be used.
        EnvironmentProblem: the weights are not beside the export or belong to another export, or the device does not
            exist.
    """
    from search.exports import prediction  # imported only here: torch takes seconds

    where = prediction.device_named(device)
    return prediction.predict(Path(export), [Path(path) for path in images], thresholds=thresholds, device=where)


def _write_tables(name: str, kind: "Format", results: Path | None, console: Console | None) -> list[Path]:
    from search.storage.fetch import bring_results

    folder = folder_named(results_root(results), name)
    need_journal(folder, "export")
    try:
        bring_results(folder)
    except EnvironmentProblem as problem:  # only the table of confusions needs more than the journal
        to_console(console, sys.stderr)(f"{problem}: the table of confusions lacks the results that only the store has")
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
    """Train one configuration again, and compare its score with the score in the export.

    Args:
        config: an exported YAML file, or a plain trial config.
        test: also score the trained model on the test split. This opens the split, which is recorded.
        again: open the test split although it was opened before. This is recorded, too.
        allow_copies: accept a test split that repeats training images. This is recorded.
        results: the results folder, which holds all searches; by default AFCL_RESULTS, else ./results.
        data: the folder of data sets and caches; by default AFCL_DATA, else the platform's cache folder.
        console: where messages about the test split's faults go; by default standard error.
        on_epoch: is called after each epoch with its number, the last epoch's number and the epoch's metrics. It is
            called once before training, with epoch 0 and no metrics.

    Raises:
        InputError: the file is not a configuration, the test split was opened before (unless `again`), or it repeats
            training images (unless `allow_copies`).
        EnvironmentProblem: the data are not on this machine, or differ from those of the exported configuration.
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
        know_every_opening(search)  # another host may have opened the split during the training
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
    """Remove a search: its folder and its copy in the store. Its runs in MLflow stay.

    Args:
        name: the search's name.
        ask: is called with a question that names what would be removed; returns whether to remove it. By default it
            returns True.
        results: the results folder, which holds all searches; by default AFCL_RESULTS, else ./results.
        console: where a message about what stays goes; by default standard output.

    Returns:
        The removed folder; None if `ask` said no.

    Raises:
        InputError: there is no such search, it is running, or it is a confirmation, which stays with its search.
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
