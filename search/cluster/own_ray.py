"""What a Ray that afcl starts for itself needs on this machine (files, sockets, shared memory), and how to mend a lack.

Such a Ray is called "a Ray of our own", as opposed to a cluster that was running before.
"""

import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from search.cluster import ray_internals
from trainers.errors import EnvironmentProblem
from trainers.os_errors import free_inodes, nearest_existing

SOCKET_NAME_BYTES = 107  # the kernel's limit
LONGEST_SOCKET_NAME = "session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"  # Ray's longest, in its folder
SHARED_MEMORY = Path(os.sep, "dev", "shm")
LEAST_SHARED_MEMORY = 80 << 20  # bytes: Ray takes 95 % of free memory, and needs 75 MiB
LEAST_DISK = 50 << 20  # bytes, for logs
LEAST_FILES = 200  # that can still be created (inodes): a session creates some 60, and a few for each worker
LEAST_OPEN_FILES = 512  # at once, by one process


class Lack(NamedTuple):
    """Something that a machine lacks, in words, and what to do about it."""

    what: str
    mend: str


def ray_folder() -> Path:
    """The folder for sockets and logs of a Ray of our own: in TMPDIR, or in /tmp if TMPDIR is too long for a socket.

    On clusters with a batch system TMPDIR is often too long.
    """
    usual = ray_internals.usual_folder()
    fits = len(os.fsencode(Path(usual, LONGEST_SOCKET_NAME))) <= SOCKET_NAME_BYTES
    return Path(usual) if fits else Path(os.sep, "tmp", "ray")


def check_machine() -> None:
    """Raise EnvironmentProblem with the first of `lacks`, if any. Ray itself would fail obscurely, or hang."""
    for lack in lacks():
        raise EnvironmentProblem(f"{lack.what}; {lack.mend}")


def lacks() -> Iterator[Lack]:
    """Yields each thing that this machine lacks for a Ray of our own; nothing if Ray can run."""
    yield from _lacks_of_folder(ray_folder())
    yield from _lacks_of_shared_memory()
    if (allowed := _open_files_allowed()) < LEAST_OPEN_FILES:
        yield Lack(f"a process may open {allowed} files here, and Ray needs {LEAST_OPEN_FILES}", "run `ulimit -n 4096`")


def _lacks_of_folder(folder: Path) -> Iterator[Lack]:
    existing = nearest_existing(folder)
    what = f"Ray's sockets and logs go to {folder}"
    mend = "set TMPDIR to another folder, with a short path"
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        yield Lack(f"{what}, and {existing} cannot be written to", mend)
        return
    if not os.fsencode(folder).isascii():
        yield Lack(f"{what}, and Ray takes plain letters (ASCII) only", mend)
    free, files = shutil.disk_usage(existing).free, free_inodes(existing)
    if free < LEAST_DISK:
        yield Lack(f"{what}, where {free >> 20} MiB are free", f"free {LEAST_DISK >> 20} MiB there, or {mend}")
    if files is not None and files < LEAST_FILES:
        yield Lack(f"{what}, where {files} more files can be made (inodes)", f"remove some files there, or {mend}")


def _lacks_of_shared_memory() -> Iterator[Lack]:
    if not SHARED_MEMORY.exists():  # macOS, where Ray uses its own folder
        return
    mend = f"give it some GB: `docker run --shm-size=2g`, or `mount -o remount,rw,size=2g {SHARED_MEMORY}` as root"
    if not os.access(SHARED_MEMORY, os.W_OK):
        yield Lack(f"Ray's shared memory, {SHARED_MEMORY}, cannot be written to", mend)
    elif (free := shutil.disk_usage(SHARED_MEMORY).free) < LEAST_SHARED_MEMORY:
        yield Lack(
            f"Ray's shared memory, {SHARED_MEMORY}, has {free >> 20} MiB free of the {LEAST_SHARED_MEMORY >> 20} that "
            "it needs, and the images besides",
            mend,
        )


def _open_files_allowed() -> int:
    """How many files a process may open: the hard limit, because Ray raises its own limit to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = 1 << 20
    return unlimited if resource.RLIM_INFINITY in (soft, hard) else max(soft, hard)
