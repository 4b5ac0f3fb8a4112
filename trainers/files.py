"""Files that are whole or not there, and logs."""

import hashlib
import os
import threading
from contextlib import suppress
from io import FileIO, TextIOWrapper
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that is either whole or not there, even through a power cut."""
    partial = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        if error.filename is None:  # a full disk does not say which file it did not take
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
    """A log to append to, line by line; what a full disk does not take of it is lost: it is not worth a search.

    file: its path, or its descriptor, which is closed with it.
    """
    return TextIOWrapper(_LossyFile(file, "a"), "utf-8", write_through=True)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
