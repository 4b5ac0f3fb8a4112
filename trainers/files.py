"""Write files completely or not at all, open logs, and hash files."""

import hashlib
import os
import threading
from contextlib import suppress
from io import FileIO, TextIOWrapper
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file completely or not at all, even if the power is cut."""
    partial = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        if error.filename is None:  # the error of a full disk does not name the file
            error.filename = str(path)
        raise
    finally:
        partial.unlink(missing_ok=True)


class _LossyFile(FileIO):
    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        with suppress(OSError):
            super().write(data)
        return len(data)


def open_log(file: Path | int) -> TextIOWrapper:
    """Open a log, to append lines. Lines that a full disk cannot take are lost: a log must not stop a search.

    `file` is a path, or an open descriptor, which is closed when the log is closed.
    """
    return TextIOWrapper(_LossyFile(file, "a"), "utf-8", write_through=True)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
