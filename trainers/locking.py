"""Lock files that the kernel releases however their holder ends, even if it is killed.

The locks are flocks, in every version of afcl, so two versions that use one folder exclude each other. A lock file is
not deleted when its lock is released: one process may be waiting for this file while another creates a new file of the
same name, and then both would hold a lock. Locking on a file system without flocks raises OSError. A lock that consists
of a file's mere existence is not used instead: a killed process would leave it behind, for somebody to delete.
"""

import errno
import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

PATIENCE = 3.0  # seconds of waiting before the user is told what the process waits for


def lock_at(path: Path, sign: Callable[[int], None] | None = None) -> BaseFileLock:
    """An exclusive lock on the file at `path`, not yet held; a `with` block holds it.

    `sign` is called with the file's descriptor as soon as the lock is held, for example to write the holder's name. It
    must not close the descriptor. Raises OSError if the file's folder is missing. Taking the lock creates the file if
    needed, and raises OSError if the file cannot be created or the file system has no flocks.
    """
    if not path.parent.is_dir():  # else filelock would create the folder, even one that was just removed
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
    return FileLock(path, fallback_to_soft=False, preserve_lock_file=True, on_acquired=sign)


@contextmanager
def locked(path: Path, waiting: str) -> Iterator[None]:
    """Hold the lock file at `path` within the block. Raises OSError as `lock_at` does.

    If another process holds the lock for longer than PATIENCE, prints `waiting` on stderr and goes on waiting.
    """
    lock = lock_at(path)
    try:
        held = lock.acquire(timeout=PATIENCE)
    except Timeout:
        print(waiting, file=sys.stderr)
        held = lock.acquire()
    with held:
        yield


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock file at `path` now; False if there is no file. Needs no write permission.

    This function takes a shared flock itself, for a moment. With an exclusive lock two processes that only check would
    take each other for the holder, and filelock's shared locks are not flocks.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
