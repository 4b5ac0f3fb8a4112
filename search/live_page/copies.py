"""Searches that are elsewhere, as copies in a folder of the page's own.

While a search's driver lives, its copy is locked as the search itself is. So a copy is read in the same way as a search
of this machine: its state, its trials, its report.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from filelock import BaseFileLock, Timeout

from search.live_page.standing import Standing
from search.storage.search_folder import DRIVER_LOCK, SearchFolder
from trainers.files import write_atomically
from trainers.locking import lock_at

REST = 10.0  # times what bringing took, until it is done again


class Source(Protocol):
    """Where searches are brought from."""

    root: Path  # the folder with the copies

    def bring(self) -> str | None:
        """Bring what is due. Called every second or so, in one thread. Returns a problem in one line."""

    def others(self) -> list[Standing]:
        """Searches that are known and not copied yet."""

    def want(self, name: str) -> None:
        """Somebody looks at a search."""

    def note(self, name: str) -> str:
        """What is to be known about a copy, such as how old it is; or ""."""

    def driver_log(self, name: str) -> str | None:
        """What the driver of a search has printed; None if it cannot be had from here.

        Raises EnvironmentProblem or InputError where it is asked for and does not come.
        """


class Held:
    """Locks on copies whose searches are driven elsewhere. Use it in one thread."""

    def __init__(self) -> None:
        self._locks: dict[Path, BaseFileLock] = {}

    def set(self, folder: SearchFolder, holder: dict[str, object] | None) -> None:
        """Lock a copy, or release it.

        Args:
            folder: the copy.
            holder: who drives the search, as a driver's lock file has it: host, pid and since; None if nobody does.
        """
        known = self._locks.get(folder.path)
        if holder is None:
            if known is not None:
                known.release()
                del self._locks[folder.path]
        elif known is None:
            lock = lock_at(folder.path / DRIVER_LOCK, _signer(holder))
            try:
                lock.acquire(timeout=0.5)
            except Timeout:  # a reader looks at it in this moment; the next time will do
                return
            self._locks[folder.path] = lock

    def release_below(self, path: Path) -> None:
        """Release the locks of a copy that is removed."""
        for one in [one for one in self._locks if one.is_relative_to(path)]:
            self._locks.pop(one).release()


def _signer(holder: dict[str, object]) -> Callable[[int], None]:
    told = {"host": "?", "pid": "?", "since": time.time()} | holder

    def sign(descriptor: int) -> None:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(told).encode())

    return sign


def write_journal(journal: Path, content: bytes) -> None:
    """Bring a copy of a journal up to date: what it has is added to, or the whole is replaced if it differs."""
    before = journal.read_bytes() if journal.exists() else b""
    if content == before:
        return
    if before and content.startswith(before):
        with journal.open("ab") as file:
            file.write(content[len(before) :])
    else:
        write_atomically(journal, content)
