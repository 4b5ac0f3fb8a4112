"""A search as tidy tables for pandas, from its journal: a row a trial, a row an epoch, a row a decision."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from search.journal.history import History, Trial
from search.journal.labels import searched

Format = Literal["csv", "parquet"]
TRIAL_COLUMNS = [
    *("trial", "family", "baseline", "note", "state", "epoch", "rung"),
    *("score", "decided", "reason", "asked_at", "ended_at"),
]
DECISION_COLUMNS = ["trial", "epoch", "bracket", "rung", "value", "cutoff", "standing", "action"]


@dataclass(frozen=True)
class Frames:
    """The three tables. Times are in UTC; `trial` joins them.

    trials: trial, family, baseline, note, state, epoch, rung, score, decided, reason, asked_at, ended_at, and the
        searched values by their paths (loss.eta, …). score only where finished; decided, what ranks a finished trial,
        only where that is not the score (search.decide_by).
    epochs: trial, epoch, and every metric that was reported there.
    decisions: trial, epoch, bracket, rung, value, cutoff, standing, action, in the order in which they were taken.
    """

    trials: pd.DataFrame
    epochs: pd.DataFrame
    decisions: pd.DataFrame

    def write(self, folder: Path, kind: Format) -> list[Path]:
        """Write trials, epochs and decisions into a folder; their paths."""
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


def frames(history: History) -> Frames:
    """The tables of what has happened so far; use `SearchFolder.frames` for a search's folder."""
    trials = [_trial_row(trial) for trial in history.trials.values()]
    epochs = [
        {"trial": trial.number, "epoch": epoch, **trial.epochs[epoch]}
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
    )


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
        trial.reason,
        trial.asked_at,
        trial.ended_at,
    )
    return dict(zip(TRIAL_COLUMNS, told, strict=True)) | searched(trial)
