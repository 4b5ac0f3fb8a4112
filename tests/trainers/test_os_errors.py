"""What the machine refuses is one line: the file by the name that people know, what is wrong, and what mends it."""

import errno
import os

import pytest

from trainers import os_errors
from trainers.os_errors import in_one_line


@pytest.mark.parametrize(
    ("number", "mend"),
    [
        (errno.ENOSPC, "free some"),
        (errno.EROFS, "choose a folder that can be written to"),
        (errno.EACCES, "chmod or chown"),
        (errno.ENOTDIR, "a file is where a folder should be"),
        (errno.EISDIR, "a folder is where a file should be"),
        (errno.EMFILE, "`ulimit -n 4096`"),
    ],
)
def test_each_refusal_has_its_mend(number, mend):
    line = in_one_line(OSError(number, os.strerror(number), "/data/a\nb"))
    assert line.startswith(f"/data/a\\nb: {os.strerror(number)}; ")
    assert mend in line


def test_a_disk_without_inodes_is_not_said_to_be_full(monkeypatch):
    monkeypatch.setattr(os_errors, "free_inodes", lambda path: 0)
    assert "has no inodes left" in in_one_line(OSError(errno.ENOSPC, "No space left on device", "/data/a"))


def test_a_file_is_called_by_the_name_that_it_was_to_have():
    error = OSError(errno.EROFS, "Read-only file system", "/r/a/.index.html.22816-140698435685248.partial")
    assert in_one_line(error).startswith("/r/a/index.html: Read-only file system")
    error = OSError(errno.EROFS, "Read-only file system", "/r/.name.22816.partial/spec.yaml")
    assert in_one_line(error).startswith("/r/name/spec.yaml: ")


def test_a_current_folder_that_is_gone_is_named_so():
    assert in_one_line(FileNotFoundError(errno.ENOENT, "No such file or directory")).startswith("the current folder: ")
