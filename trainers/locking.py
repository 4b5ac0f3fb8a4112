"""Lock files that the kernel lets go of however their holder ends, even killed.

They are flocks, as in every version of afcl: two versions that use one folder exclude each other. A lock file stays
when it is let go of, since one that is removed under a waiting process would be two files of one name. A file system
without flocks raises OSError: a lock that a killed process leaves behind would need a person to remove it.
"""

import errno
import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

PATIENCE = 3.0  # seconds of waiting before the user is told what for


def lock_at(path: Path, sign: Callable[[int], None] | None = None) -> BaseFileLock:
    """An exclusive lock over the file at `path`, which is made if need be; not its folder. Hold it with `with`.

    sign: what to do with the file's descriptor as soon as the lock is held, such as to write whose it is; it must not
    close it. Raises OSError where the file cannot be made or the file system has no locks.
    """
    if not path.parent.is_dir():  # or filelock would make it: a folder that was removed would be there again
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
    return FileLock(path, fallback_to_soft=False, preserve_lock_file=True, on_acquired=sign)


@contextmanager
def locked(path: Path, waiting: str) -> Iterator[None]:
    """Hold the lock file at `path` inside. Says `waiting` on stderr if another process keeps it for long.

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
    """Whether somebody holds the lock file at `path` now; False where there is none. Needs no right to write there.

    filelock cannot say so. Its locks are exclusive, so that two that only look would take each other for a holder, and
    those of its locks that are shared are no flocks. So this one lock is taken by hand: shared, and for a moment.
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
