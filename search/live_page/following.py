"""Follow a search's journal as it grows: each look reads only the new lines, not the whole journal."""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from search.display.durations import Countdown
from search.engine.time_left import cost_left, size_of
from search.journal.event_shapes import misshapen
from search.journal.explain import explain
from search.journal.history import ENDED, History
from search.journal.log import Event, damaged, read_events
from search.journal.progress import Progress
from search.storage.published import need_journal
from search.storage.search_folder import (
    ABOUT,
    CONFIRMATION,
    DELIVERED,
    EXPORTED,
    FINAL,
    JOURNAL,
    SPEC,
    VERDICT,
    SearchFolder,
)

Stamp: TypeAlias = tuple[object, ...]
LOOKED_AT = frozenset({ABOUT, SPEC, JOURNAL, VERDICT})
FEWEST_EPOCHS, FEWEST_SECONDS = 5, 5.0  # a session must have run this long before its time left is estimated


def stamp_of(folder: SearchFolder) -> Stamp:
    """A value that changes whenever the search does: sizes and times of its files, and whether a driver runs it.

    The files of its last steps and confirmations count too. The stamp of a folder that cannot be read holds the error.
    """
    return tuple(_stamps(folder))


def stamp_of_results(folder: SearchFolder) -> Stamp:
    """As `stamp_of`, but without two things that the report does not show: the delivery to MLflow, and exports."""
    return tuple(one for one in _stamps(folder) if one[0] == "held" or Path(str(one[0])).name in LOOKED_AT)


def _stamps(folder: SearchFolder) -> Iterator[tuple[object, ...]]:
    try:
        entries = sorted(os.scandir(folder.path), key=lambda one: one.name)
    except OSError as error:
        yield "unreadable", str(error)
        return
    for entry in entries:
        is_table = entry.name.startswith(EXPORTED) and entry.name.endswith(".yaml")
        with suppress(OSError):  # it was removed in this moment
            if entry.name in LOOKED_AT or entry.name == DELIVERED or is_table:
                found = entry.stat()
                yield entry.path, found.st_ino, found.st_size, found.st_mtime_ns
            elif entry.name.startswith((FINAL, CONFIRMATION)) and entry.is_dir():
                yield from _stamps(SearchFolder(Path(entry.path)))
    with suppress(OSError, ValueError):
        yield "held", folder.path, folder.holder() is not None


def path_of(folder: SearchFolder) -> str:
    """The name that the commands take for a folder: NAME for a search, NAME/FOLDER for a last step or confirmation."""
    return folder.name if folder.searched is folder else f"{folder.searched.name}/{folder.name}"


class Followed:
    """One search, last step or confirmation, as its journal had it at the last `catch_up`.

    Hold `lock` while you read `history`, as another thread may catch up.
    """

    def __init__(self, folder: SearchFolder) -> None:
        """Prepare to follow; nothing is read yet."""
        self.folder = folder
        self.lock = threading.RLock()
        self._read_from: tuple[int, int] | None = None  # the journal's inode, and the bytes that were read
        self._begin()

    def _begin(self) -> None:
        self.history, self._offset = History(), 0
        self._timed_from: int | None = None  # ms: the session's first result; until then, workers start
        self._epochs, self._epochs_before = [0, 0], (0, 0)  # by stage: all epochs, and those up to `_timed_from`
        self._countdown = Countdown()

    def catch_up(self) -> None:
        """Read what is new in the journal. A journal that was replaced is read from its beginning.

        Raises:
            InputError: search.json, the spec or a line of the journal is damaged, or the folder's format is newer.
            OSError: the folder cannot be read.
        """
        with self.lock:
            self.about, self.spec = self.folder.about(), self.folder.spec()
            if self.folder.is_published():
                self._begin()
                self.history = self.folder.history()
                return
            is_driven = self.folder.holder() is not None  # before the journal is read, as a driver may begin meanwhile
            found = self.folder.journal.stat() if self.folder.journal.exists() else None
            inode = 0 if found is None else found.st_ino
            if self._read_from is not None and (
                self._read_from[0] != inode or (found.st_size if found is not None else 0) < self._read_from[1]
            ):
                self._begin()
            try:
                for event, after in read_events(self.folder.journal, self._offset):
                    self._take(event)
                    self._offset = after
            except Exception:
                self._begin()  # half a line's effect may be in the history
                self._read_from = None
                raise
            self._read_from = inode, self._offset
            if not is_driven:
                self.history.nothing_runs()

    def _take(self, event: Event) -> None:
        journal = self.folder.journal
        if (field := misshapen(event)) is not None:
            raise damaged(journal, self._offset, f"is damaged: its {field} is not what a line of its kind has")
        try:
            self.history.apply(event)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise damaged(journal, self._offset, "does not fit those before it") from None
        if event["event"] == "start":
            self._timed_from = None
        if event["event"] == "result":
            self._epochs[int(event["epoch"] > self.spec.representation.epochs)] += 1
            if self._timed_from is None:
                self._timed_from, self._epochs_before = event["time"], (self._epochs[0], self._epochs[1])

    @property
    def ended(self) -> int:
        """How many trials have ended."""
        return len(self.history.in_state(*ENDED))

    def seconds_left(self) -> float | None:
        """The seconds that the trials still need, as estimated at the last event; None if it is too early to say.

        The terminal's live table estimates in the same way.
        """
        if self._timed_from is None:
            return None
        fresh = [now - before for now, before in zip(self._epochs, self._epochs_before, strict=True)]
        passed = (self.history.time - self._timed_from) / 1000
        if sum(fresh) < FEWEST_EPOCHS or passed < FEWEST_SECONDS:
            return None
        progress = Progress(self.history, self.spec.representation.epochs)
        size = size_of(self.spec, self.history)
        estimate = cost_left(progress, size) * passed / progress.cost(*fresh)
        return self._countdown.left(estimate, self.history.time / 1000)

    def explained(self, trial: int) -> list[str]:
        """What was decided about a trial, as in `afcl explain`.

        Raises InputError if there is no such trial, or if the folder is a published result without its journal.
        """
        need_journal(self.folder, "explain")
        with self.lock:
            validation = self.about["provenance"]["data"].get("validation")
            return list(explain(self.spec, self.history, trial, validation))
