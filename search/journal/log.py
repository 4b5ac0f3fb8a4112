"""A search's journal: one JSON line for each thing that happened, on disk before anything follows from it.

A crash can leave only the last line incomplete. It is dropped when the journal is opened for writing, and ignored by
readers.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainers.errors import InputError

Event = dict[str, Any]


class JournalError(InputError):
    """A line of a journal is damaged, or does not fit those before it. An incomplete last line is no error."""


class Journal:
    """Appends events to a journal's file. The search's lock allows one writer at a time."""

    def __init__(self, path: Path) -> None:
        _drop_torn_line(path)
        self._file = path.open("ab", buffering=0)

    def append(self, event: Event) -> None:
        """Write an event and wait until it is on the disk. Numbers must be finite.

        An OSError leaves the journal as it was: a line that could not be written completely is removed.
        """
        line = json.dumps(event, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        whole = os.fstat(self._file.fileno()).st_size
        try:
            while line:
                line = line[self._file.write(line) :]
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(whole)
            raise

    def close(self) -> None:
        """Close the file; events appended so far stay."""
        self._file.close()


def read_events(path: Path, offset: int = 0) -> Iterator[tuple[Event, int]]:
    """The complete events from byte `offset` on, each with the offset of its end.

    Raises JournalError, which names the line, if a line is damaged.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return  # incomplete, or being written now
            try:
                event = _DECODER.decode(line.decode())
            except (ValueError, RecursionError):  # not JSON, not UTF-8, a number not finite, or too deep a nesting
                event = None
            if not isinstance(event, dict) or not isinstance(event.get("event"), str):
                raise damaged(path, offset, "is damaged: it is no event in JSON")
            offset += len(line)
            yield event, offset


def damaged(path: Path, offset: int, what: str) -> JournalError:
    """The error for the line that begins at byte `offset`. It names the line by its number, from 1."""
    with path.open("rb") as file:
        number = 1 + file.read(offset).count(b"\n")
    return JournalError(f"{path}: line {number} {what}")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of a journal")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _drop_torn_line(path: Path) -> None:
    if not path.exists():
        return
    with path.open("rb+") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)
