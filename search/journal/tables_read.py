"""A search's history as its leaderboard and its tables have it, for a search that is published without its journal."""

import csv
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, cast, get_args

from search.journal.history import Action, Decision, History, State, Trial, Value
from trainers.errors import InputError

LAST = "last_"  # begins the name of the column with the metric at the last epoch
# a leaderboard's columns that are no searched value
NO_VALUES = frozenset({"rank", "trial", "family", "baseline", "note", "state", "epoch", "rung", "score", "decided"})
NO_VALUES |= {"expected", "deviation"}
NO_VALUES |= {"reason", "asked_at", "ended_at", "standard_error", "fresh_seeds_mean", "fresh_seeds_error"}


def read_tables(leaderboard: Path, tables: Path) -> History:
    """The history of a published search: all its trials, but neither its sessions nor the trials' whole configs.

    Args:
        leaderboard: the file leaderboard.csv. If it is missing, there are no trials.
        tables: the folder with epochs.csv and decisions.csv. If these are missing, only last epochs are known.

    Raises:
        InputError: a file is not such a table.
    """
    history = History()
    for row in _rows(leaderboard):
        try:
            trial = _trial(row)
        except (KeyError, ValueError) as error:
            raise damaged_table(leaderboard, error) from None
        history.trials[trial.number] = trial
    history.trials = dict(sorted(history.trials.items()))
    for row in _rows(tables / "epochs.csv"):
        try:
            told = {name: float(text) for name, text in row.items() if text and name not in ("trial", "epoch")}
            history.trials[int(row["trial"])].epochs[int(row["epoch"])] = told
        except (KeyError, ValueError) as error:
            raise damaged_table(tables / "epochs.csv", error) from None
    for row in _rows(tables / "decisions.csv"):
        try:
            history.decisions.append(_decision(row))
            history.trials[history.decisions[-1].trial].decisions.append(history.decisions[-1])
        except (KeyError, ValueError, TypeError) as error:
            raise damaged_table(tables / "decisions.csv", error) from None
    return history


def leaderboard_order(leaderboard: Path) -> list[int]:
    """The numbers of the finished trials, best first, as the leaderboard ranks them."""
    ranked = [(int(row["rank"]), int(row["trial"])) for row in _rows(leaderboard) if row.get("rank")]
    return [number for _, number in sorted(ranked)]


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _trial(row: Mapping[str, str]) -> Trial:
    state = cast(State, row["state"])
    if state not in get_args(State):
        raise ValueError(f"no state: {state}")
    last = {name.removeprefix(LAST): float(text) for name, text in row.items() if _is_last(name) and text}
    return Trial(
        number=int(row["trial"]),
        family=row["family"],
        baseline=row["baseline"] == "True",
        values={name: _value(text) for name, text in row.items() if _is_value(name) and text},
        config={"loss": {}},
        asked_at=_time(row["asked_at"]) or 0,
        note=row.get("note", ""),
        state="pending" if state == "running" else state,  # nothing runs any more
        epochs={int(row["epoch"]): last} if last else {},
        score=float(row["score"]) if row["score"] else None,
        decided=float(row["decided"]) if row.get("decided") else None,
        expected=(float(row["expected"]), float(row["deviation"])) if row.get("expected") else None,
        reason=row["reason"] or None,
        ended_at=_time(row["ended_at"]),
    )


def _decision(row: Mapping[str, str]) -> Decision:
    told: dict[str, Any] = {name: int(row[name]) for name in ("trial", "epoch", "bracket", "rung", "standing")}
    cutoff = float(row["cutoff"]) if row["cutoff"] else None
    return Decision(**told, value=float(row["value"]), cutoff=cutoff, action=cast(Action, row["action"]))


def _is_value(name: str) -> bool:
    return name not in NO_VALUES and not _is_last(name)


def _is_last(name: str) -> bool:
    return name.startswith(LAST)


def _value(text: str) -> Value:
    """A searched value as it was before it was written as text."""
    if text in ("True", "False"):
        return text == "True"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _time(text: str) -> int | None:
    """Milliseconds since 1970 of a time as pandas writes it; None of an empty text."""
    return round(datetime.fromisoformat(text).timestamp() * 1000) if text else None


def damaged_table(path: Path, error: Exception) -> InputError:
    """The error for a file that is not what it should be."""
    return InputError(f"{path} is damaged: {type(error).__name__}: {error}")
