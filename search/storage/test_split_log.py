"""The test split is opened once: a second look would make a validation split of it. Every look is written down."""

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from search.storage.search_folder import TEST_OPENINGS, SearchFolder
from trainers.errors import InputError


@dataclass(frozen=True)
class Opening:
    """One look at the test split."""

    at: str  # ISO 8601, UTC
    by: str  # what looked: confirm-1, or train best-1.yaml
    again: bool  # not the first look


def record_of(exported: Path, search: SearchFolder | None) -> Path:
    """Where looks are written down: in the search's folder; beside the file where there is no search to it."""
    return exported.with_name(f"{exported.stem}.{TEST_OPENINGS}") if search is None else search.test_openings


def openings(record: Path) -> list[Opening]:
    """The looks so far, the first one first."""
    if not record.exists():
        return []
    try:
        return [Opening(**json.loads(line)) for line in record.read_text(encoding="utf-8").splitlines() if line]
    except (ValueError, TypeError, RecursionError):
        raise InputError(f"{record} is damaged: it does not say when the test split was opened") from None


def is_opened_by(record: Path, by: str) -> bool:
    """Whether a look was written down, which may have ended before it began."""
    return any(opening.by == by for opening in openings(record))


def refuse_second(record: Path, *, again: bool) -> None:
    """Raise InputError when the test split was looked at before, unless `again`."""
    before = openings(record)
    if before and not again:
        raise InputError(
            f"the test split was opened by {before[0].by} on {before[0].at[:10]}, and a second look tests less than "
            f"the first; say --again if that is wanted: it is written down"
        )


def open_once(record: Path, by: str, *, again: bool) -> None:
    """Write down a look at the test split, just before it happens.

    Raises InputError when it is not the first, unless `again`.
    """
    refuse_second(record, again=again)
    opening = Opening(datetime.now(UTC).isoformat(timespec="seconds"), by, bool(openings(record)))
    with record.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(opening)) + "\n")
        file.flush()
        os.fsync(file.fileno())
