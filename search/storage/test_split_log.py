"""A record of every look at the test split, which is opened once: a second look would make it a validation split.

A look is the computation of a test score. A confirmation that has begun, but has computed no test score, has not
looked. Older versions wrote a line when `confirm` was typed. Such a line is kept, and counts as a look.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from search.journal.history import History
from search.journal.log import Event, read_events
from search.storage.search_folder import TEST_OPENINGS, SearchFolder
from search.storage.trial_folder import RESULT, SCORES, TRIALS
from trainers.errors import EnvironmentProblem, InputError


@dataclass(frozen=True)
class Opening:
    """One look at the test split."""

    at: str  # ISO 8601, UTC
    by: str  # what looked: confirm-1, or train best-1.yaml
    again: bool  # whether there was a look before this one
    scored: bool = False  # True: a test score was computed; False: an older version recorded the typed command


def record_of(exported: Path, search: SearchFolder | None) -> Path:
    """The file that records looks at the test split: that of `search`; without a search, a file beside `exported`."""
    return exported.with_name(f"{exported.stem}.{TEST_OPENINGS}") if search is None else search.test_openings


def openings(record: Path) -> list[Opening]:
    """The looks that the file `record` has, in the order of its lines. Raises InputError if a line is damaged."""
    if not record.exists():
        return []
    try:
        return [Opening(**json.loads(line)) for line in record.read_text(encoding="utf-8").splitlines() if line]
    except (ValueError, TypeError, RecursionError):
        raise InputError(f"{record} is damaged: it does not say when the test split was opened") from None


def is_opened_by(record: Path, by: str) -> bool:
    """Whether `record` has a look by `by`, such as confirm-1. Lines of older versions count, too."""
    return any(opening.by == by for opening in openings(record))


def refuse_second(record: Path, *, again: bool) -> None:
    """Raise InputError if `record` has a look at the test split, unless `again`."""
    before = openings(record)
    if before and not again:
        raise InputError(
            f"the test split was opened by {before[0].by} on {before[0].at[:10]}, and a second look tests less than "
            f"the first; to look again, add --again, which is recorded"
        )


def open_once(record: Path, by: str, *, again: bool) -> None:
    """Record a look at the test split in the file `record`. Call this just before the test score is computed.

    Raises InputError if the record has an earlier look, unless `again`.
    """
    refuse_second(record, again=again)
    _write(record, by, datetime.now(UTC))


def note_look(folder: SearchFolder) -> None:
    """Record the look of the confirmation in `folder`, if it has a test score and its look is not recorded yet."""
    record = folder.searched.test_openings
    if not is_opened_by(record, folder.name) and (at := first_score(folder)) is not None:
        _write(record, folder.name, datetime.fromtimestamp(at, UTC))


def note_looks(searched: SearchFolder) -> None:
    """Record the looks of all confirmations of a search, in case a driver was killed before it could do so."""
    for folder in searched.confirmations():
        note_look(folder)


def first_score(folder: SearchFolder) -> float | None:
    """When a confirmation's first test score was computed, in seconds since 1970; None if it has no test score.

    If the journal has no test score, the times of the trials' files count: a worker writes a score there before the
    driver hears of it.
    """
    told = (event["time"] / 1000 for event, _ in read_events(folder.journal) if has_test_score(event))
    if (first := next(told, None)) is not None:
        return float(first)
    left = [path.stat().st_mtime for path in (folder.path / TRIALS).glob(f"*/{SCORES}")]  # written before the result
    for path in (folder.path / TRIALS).glob(f"*/{RESULT}"):
        with suppress(OSError, ValueError):
            if "test" in json.loads(path.read_text(encoding="utf-8")):
                left.append(path.stat().st_mtime)
    return min(left, default=None)


def has_test_score(event: Event) -> bool:
    """Whether an event of a journal has a score on the test split."""
    return event["event"] == "result" and any(name.startswith("test_") for name in event["metrics"])


def watch(folder: SearchFolder, tell_store: Callable[[], None]) -> Callable[[Event, History], None]:
    """A listener for events of a confirmation. It records the look when the first test score comes.

    tell_store: sends the record to the search's store. If the disk or the store fails now, `note_look` records
    the look when the session ends, or when a command next needs the record.
    """
    told: list[int] = []

    def on_event(event: Event, history: History) -> None:
        if not told and has_test_score(event):
            told.append(event["trial"])
            with suppress(OSError, EnvironmentProblem):
                note_look(folder)
                tell_store()

    return on_event


def _write(record: Path, by: str, at: datetime) -> None:
    opening = Opening(at.isoformat(timespec="seconds"), by, bool(openings(record)), scored=True)
    with record.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(opening)) + "\n")
        file.flush()
        os.fsync(file.fileno())
