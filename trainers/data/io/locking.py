"""One process at a time, over a lock file that the kernel lets go of however its holder ends."""

import fcntl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 3.0  # seconds of waiting before the user is told what for
PAUSE = 0.1  # seconds between two tries


@contextmanager
def locked(path: Path, waiting: str) -> Iterator[None]:
    """Hold the lock file at `path`, made if need be. Says `waiting` on stderr if another process keeps it for long.

    Raises OSError where the file cannot be made or the file system has no locks.
    """
    with path.open("ab") as file:
        say_at = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(PAUSE)
            if time.monotonic() >= say_at:
                print(waiting, file=sys.stderr)
                say_at = float("inf")
        yield
