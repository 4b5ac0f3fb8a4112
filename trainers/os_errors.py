"""Errors of the operating system as one line, with the mend."""

import errno
import os
import re
from pathlib import Path

from trainers.wording import printable

_MENDS = {
    errno.ENOSPC: "free some, or choose another folder",
    errno.EDQUOT: "free some of your quota, or choose another folder",
    errno.EROFS: "choose a folder that can be written to",
    errno.EACCES: "allow it with chmod or chown, or choose another folder",
    errno.EPERM: "allow it with chmod or chown, or choose another folder",
    errno.ENOTDIR: "a file is where a folder should be: move it, or choose another folder",
    errno.EEXIST: "move what is there, or choose another folder",
    errno.EISDIR: "a folder is where a file should be: move it, or choose another folder",
    errno.EMFILE: "allow more open files with `ulimit -n 4096`",
    errno.ENFILE: "the whole machine has too many files open: end some of its programs",
    errno.ENAMETOOLONG: "choose a shorter path",
    errno.ELOOP: "its links lead in a circle: remove one of them",
    errno.ENOMEM: "end some programs, or use a machine with more memory",
    errno.EAGAIN: "allow more processes with `ulimit -u`, or end some",
    errno.EIO: "the disk, or the server that has it, fails: look at the system's log",
    errno.ESTALE: "the server that has the folder lost it: mount it again",
}
_PARTIAL = re.compile(r"\.([^/]+)\.\d+(-\d+)?\.partial\b")  # the name of a file while it is written


def in_one_line(error: OSError) -> str:
    """The error as a message of one line: the file, what is wrong with it, and what to do, if that is known."""
    place = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else None
    place = place and _PARTIAL.sub(r"\1", place)
    what = error.strerror or str(error) or type(error).__name__
    mend = _MENDS.get(error.errno or 0)
    if place is None and isinstance(error, FileNotFoundError):
        place, mend = "the current folder", "it was removed: go to another one with cd"
    if error.errno == errno.ENOSPC and lacks_inodes(Path(place or ".")):
        what, mend = "the disk has no inodes left for new files", "remove files, many small ones say, or choose another"
    return printable(f"{place or 'disk'}: {what}{f'; {mend}' if mend else ''}")


def lacks_inodes(path: Path) -> bool:
    """Whether the disk of a path has no inodes left for another file; False if this is not known."""
    free = free_inodes(path)
    return free is not None and free < 1


def free_inodes(path: Path) -> int | None:
    """How many more files fit on the disk of a path; None if there is no limit (btrfs) or the disk does not tell it."""
    try:
        disk = os.statvfs(nearest_existing(path))
    except OSError:
        return None
    return disk.f_favail if disk.f_files else None


def nearest_existing(path: Path) -> Path:
    """The path itself, or the nearest folder above it that exists and can be seen."""
    for one in (path, *path.absolute().parents):
        try:
            one.stat()
        except OSError:
            continue
        return one
    return Path(os.sep)
