"""SHA-256 of files, recorded beside them when they are first seen, because their publisher gives none."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from trainers.data.io.progress import tracked
from trainers.errors import EnvironmentProblem
from trainers.files import file_hash, write_atomically

RECORD = "checksums.json"
THREADS = 4  # hashing lets go of the interpreter's lock


def hashes_of(top: Path, files: Sequence[Path]) -> dict[str, str]:
    """The SHA-256, in hex, of each of `files`, by the file's path relative to `top`."""
    with ThreadPoolExecutor(THREADS) as threads:
        hashes = list(tracked(threads.map(file_hash, files), len(files), "Hashing files"))
    return {path.relative_to(top).as_posix(): digest for path, digest in zip(files, hashes, strict=True)}


def recorded(top: Path, name: str) -> dict[str, str]:
    """The recorded hashes, by file, of the folder `name` and the table `name`.csv; empty if none are recorded.

    Raises EnvironmentProblem if the record in `top` is damaged.
    """
    return {file: digest for file, digest in _read(top).items() if file.startswith((f"{name}/", f"{name}.csv"))}


def record(top: Path, name: str, hashes: dict[str, str]) -> None:
    """Record `hashes` in place of all earlier ones of the folder `name` and the table `name`.csv."""
    before = recorded(top, name)
    others = {file: digest for file, digest in _read(top).items() if file not in before}
    write_atomically(top / RECORD, json.dumps(others | hashes, indent=0, sort_keys=True).encode())


def changed(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """The files, sorted, whose hashes differ in `one` and `other` or which only one of them has."""
    return [file for file in sorted(one | other) if one.get(file) != other.get(file)]


def _read(top: Path) -> dict[str, str]:
    path = top / RECORD
    if not path.exists():
        return {}
    try:
        return {str(file): str(digest) for file, digest in json.loads(path.read_bytes()).items()}
    except (ValueError, AttributeError):
        raise EnvironmentProblem(f"data: {path} is damaged; remove it; the files are then recorded anew") from None
