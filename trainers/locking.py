"""Lock files that the kernel releases however their holder ends, even if it is killed.

They are flocks, in every version of afcl, so two versions that use one folder exclude each other. A lock file is not
deleted when it is released: deleted under a waiting process, there would be two files of one name. On a file system
without flocks OSError is raised: with another kind of lock, somebody would have to delete what a killed process left.
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
    """An exclusive lock on the file at `path`, which is created if needed; its folder is not. Use it with `with`.

    `sign` is called with the file's descriptor as soon as the lock is held, for example to write the holder's name; it
    must not close it. Raises OSError if the file cannot be created or the file system has no locks.
    """
    if not path.parent.is_dir():  # else filelock would create it, and a removed folder would be there again
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
    return FileLock(path, fallback_to_soft=False, preserve_lock_file=True, on_acquired=sign)


@contextmanager
def locked(path: Path, waiting: str) -> Iterator[None]:
    """Hold the lock file at `path` within the block. Says `waiting` on stderr if another process holds it for long.

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
    """Whether somebody holds the lock file at `path` now; False if there is none. It needs no write permission.

    filelock cannot tell: its locks are exclusive, so two processes that only look would take each other for the holder,
    and its shared locks are not flocks. So this takes a shared flock itself, for a moment.
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
