"""A search as tidy pandas tables: of its trials, epochs, decisions, class measures and confusion matrices."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from search.journal.class_measures import SPLITS, by_split, is_told_at_the_end
from search.journal.history import History, Trial
from search.journal.labels import by_epoch, searched
from trainers.config import CLASS_MEASURES

Format = Literal["csv", "parquet"]
TRIAL_COLUMNS = [
    *("trial", "family", "baseline", "note", "state", "epoch", "rung"),
    *("score", "decided", "expected", "deviation", "reason", "asked_at", "ended_at"),
]
DECISION_COLUMNS = ["trial", "epoch", "bracket", "rung", "value", "cutoff", "standing", "action"]
CLASS_COLUMNS = ["trial", "split", "class", *CLASS_MEASURES]
CONFUSION_COLUMNS = ["trial", "split", "true", "predicted", "images"]


@dataclass(frozen=True)
class Frames:
    """The tables of a search, with their columns. `trial` joins them; times are in UTC.

    trials: trial, family, baseline, note, state, epoch, rung, score, decided, expected, deviation, reason, asked_at,
        ended_at, and the searched values by their paths (loss.eta, …). Only finished trials have a score; `decided` is
        the value that ranks a finished trial if that is not its score (search.decide_by). In a search by promotion that
        is over, it is `expected` less `deviation`: what all learning curves let expect, and its standard deviation.
    epochs: trial, epoch, and every metric that was reported at the epoch, but of the class measures only validation
        recalls.
    decisions: trial, epoch, bracket, rung, value, cutoff, standing, action, in the order in which they were taken.
    classes: trial, split (validation, and test in a confirmation), class, recall, specificity, precision, auroc_ovr,
        average_precision, of finished trials. Trials of older versions have recalls only.
    confusions: trial, split, true, predicted, images: the cells of finished trials' confusion matrices.
    """

    trials: pd.DataFrame
    epochs: pd.DataFrame
    decisions: pd.DataFrame
    classes: pd.DataFrame
    confusions: pd.DataFrame

    def write(self, folder: Path, kind: Format) -> list[Path]:
        """Write each table into a folder, as NAME.csv or NAME.parquet. Returns the paths."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for name, frame in vars(self).items():
            path = folder / f"{name}.{kind}"
            if kind == "csv":
                frame.to_csv(path, index=False)
            else:
                frame.to_parquet(path, index=False)
            paths.append(path)
        return paths


def frames(history: History, results: Mapping[int, Mapping[str, Any]] | None = None) -> Frames:
    """The tables of a history. For a search's folder, use `SearchFolder.frames`.

    Args:
        history: the search's history.
        results: the content of finished trials' result files, by trial number; None leaves `confusions` empty.
    """
    trials = [_trial_row(trial) for trial in history.trials.values()]
    epochs = [
        {"trial": trial.number, "epoch": epoch, **_of_no_class(trial.epochs[epoch])}
        for trial in history.trials.values()
        for epoch in sorted(trial.epochs)
    ]
    decisions = [asdict(decision) for decision in history.decisions]
    made = pd.DataFrame(trials, columns=None if trials else TRIAL_COLUMNS)
    for column in ("asked_at", "ended_at"):
        made[column] = pd.to_datetime(made[column], unit="ms", utc=True)
    made["rung"] = made["rung"].astype("Int64")
    return Frames(
        trials=made,
        epochs=pd.DataFrame(epochs, columns=None if epochs else ["trial", "epoch"]),
        decisions=pd.DataFrame(decisions, columns=DECISION_COLUMNS),
        classes=pd.DataFrame(list(_class_rows(history)), columns=CLASS_COLUMNS),
        confusions=pd.DataFrame(list(_confusion_rows(results or {})), columns=CONFUSION_COLUMNS),
    )


def _of_no_class(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if not is_told_at_the_end(name)}


def _class_rows(history: History) -> Iterator[dict[str, object]]:
    for trial in history.in_state("finished"):
        for split, classes in by_split(trial.epochs[trial.epoch]).items():
            for name, measures in classes.items():
                yield {"trial": trial.number, "split": split, "class": name, **measures}


def _confusion_rows(results: Mapping[int, Mapping[str, Any]]) -> Iterator[tuple[object, ...]]:
    for number, result in results.items():
        names = result["class_names"]
        for split, told in zip(SPLITS.values(), (result, result.get("test")), strict=True):
            if told is not None:
                for true, row in zip(names, told["confusion"], strict=True):
                    yield from ((number, split, true, name, images) for name, images in zip(names, row, strict=True))


def _trial_row(trial: Trial) -> dict[str, object]:
    told = (
        trial.number,
        trial.family,
        trial.baseline,
        trial.note,
        trial.state,
        trial.epoch,
        trial.rung,
        trial.score,
        trial.decided,
        *(trial.expected or (None, None)),
        trial.reason and by_epoch(trial.reason),
        trial.asked_at,
        trial.ended_at,
    )
    return dict(zip(TRIAL_COLUMNS, told, strict=True)) | searched(trial)
