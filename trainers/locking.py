"""Lock files that the kernel releases however their holder ends, even if it is killed.

They are flocks, in every version of afcl, so two versions that use one folder exclude each other. A lock file is not
deleted when its lock is released: another process may wait for it, and the next one would lock a new file of the same
name. A file system without flocks raises OSError. Another kind of lock would be left behind by a killed process, and
somebody would have to delete it.
"""

import errno
import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

PATIENCE = 3.0  # seconds before the user is told what is waited for


def lock_at(path: Path, sign: Callable[[int], None] | None = None) -> BaseFileLock:
    """An exclusive lock on the file at `path`, to use with `with`. The file is created if needed, its folder is not.

    `sign` is called with the file's descriptor as soon as the lock is held, for example to write the holder's name. It
    must not close the descriptor. Raises OSError if the file cannot be created or the file system has no locks.
    """
    if not path.parent.is_dir():  # else filelock would create it, and a removed folder would be there again
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
    return FileLock(path, fallback_to_soft=False, preserve_lock_file=True, on_acquired=sign)


@contextmanager
def locked(path: Path, waiting: str) -> Iterator[None]:
    """Hold the lock file at `path` within the block. Prints `waiting` on stderr if another process holds it for long.

    Raises OSError as `lock_at` does.
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

    This function takes a shared flock itself, for a moment. filelock's exclusive locks will not do, because two
    processes that only look would take each other for the holder; and its shared locks are not flocks.
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
