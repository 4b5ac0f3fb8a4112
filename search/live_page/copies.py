"""Copies of searches that are elsewhere, in a folder of the page's own.

While a driver runs a search elsewhere, the page holds the driver's lock on the copy. So a copy's state, trials and
report are read in the same way as those of a search on this machine.
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

REST = 10.0  # the pause until copies are brought again, as a multiple of the time that bringing them took last


class Source(Protocol):
    """A store or a cluster, from which searches are copied."""

    root: Path  # the folder with the copies

    def bring(self) -> str | None:
        """Bring the copies that are due up to date. Called about once a second, always in the same thread.

        Returns why the store or the cluster does not answer, in one line; None if it does.
        """

    def others(self) -> list[Standing]:
        """Searches, with what is known of them without a copy. The page lists those of them that have no copy."""

    def want(self, name: str) -> None:
        """Note that somebody looks at a search, so that its copy is kept up to date."""

    def note(self, name: str) -> str:
        """Sentences about a copy for its page, such as how old it is; "" if there is nothing to say."""

    def driver_log(self, name: str) -> str | None:
        """What the driver of a search has printed; None if it cannot be had from here.

        Raises EnvironmentProblem or InputError if the request for it fails.
        """


class Held:
    """Locks on copies whose searches are driven elsewhere. Use it in one thread."""

    def __init__(self) -> None:
        self._locks: dict[Path, BaseFileLock] = {}

    def set(self, folder: SearchFolder, holder: dict[str, object] | None) -> None:
        """Lock a copy, or release it.

        Args:
            folder: the copy.
            holder: who drives the search: host, pid and since, as in a driver's lock file. None, if nobody does,
                releases the lock.
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
            except Timeout:  # a reader holds the lock at this moment; the next call will get it
                return
            self._locks[folder.path] = lock

    def release_below(self, path: Path) -> None:
        """Release the locks of the copy at `path`, and those of its last steps and confirmations."""
        for one in [one for one in self._locks if one.is_relative_to(path)]:
            self._locks.pop(one).release()


def _signer(holder: dict[str, object]) -> Callable[[int], None]:
    told = {"host": "?", "pid": "?", "since": time.time()} | holder

    def sign(descriptor: int) -> None:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(told).encode())

    return sign


def write_journal(journal: Path, content: bytes) -> None:
    """Make a copy of a journal equal to `content`. If `content` begins with the copy, only the rest is appended."""
    before = journal.read_bytes() if journal.exists() else b""
    if content == before:
        return
    if before and content.startswith(before):
        with journal.open("ab") as file:
            file.write(content[len(before) :])
    else:
        write_atomically(journal, content)
