"""One interface for a folder of files, on a disk or in a store."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from search.storage.object_store import PATIENCE, Storage, patiently
from trainers.files import write_atomically


class Place(Protocol):
    """A folder on a disk or in a store. Names are relative to it, as in `checkpoints/a.pt`.

    A `Storage` is a place as well. If its store does not answer, it raises StorageError without a wait.
    """

    def find(self, name: str) -> bytes | None:
        """The content of a file; None if it does not exist."""
        ...

    def put(self, name: str, content: bytes) -> None:
        """Write a file, completely or not at all. An older file of that name is replaced."""
        ...

    def names(self, under: str) -> list[str]:
        """The names of all files below the folder `under`, sorted."""
        ...

    def delete(self, name: str) -> None:
        """Remove a file if it exists."""
        ...


@dataclass(frozen=True)
class DiskPlace:
    """A folder on a disk. It is created with its first file."""

    path: Path

    def find(self, name: str) -> bytes | None:
        """The content of a file; None if it does not exist."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, name: str, content: bytes) -> None:
        """Write a file, completely or not at all. An older file of that name is replaced."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, content)

    def names(self, under: str) -> list[str]:
        """The names of all files below the folder `under`, sorted, without those that are being written."""
        found = (file for file in (self.path / under).rglob("*") if file.suffix != ".partial" and file.is_file())
        return sorted(file.relative_to(self.path).as_posix() for file in found)

    def delete(self, name: str) -> None:
        """Remove a file if it exists."""
        (self.path / name).unlink(missing_ok=True)


@dataclass(frozen=True)
class PatientPlace:
    """A folder in a store. A method waits up to PATIENCE seconds for an answer, and then raises StorageError."""

    storage: Storage

    def find(self, name: str) -> bytes | None:
        """The content of a file; None if it does not exist."""
        return patiently(partial(self.storage.find, name), PATIENCE)

    def put(self, name: str, content: bytes) -> None:
        """Write a file, completely or not at all. An older file of that name is replaced."""
        patiently(partial(self.storage.put, name, content), PATIENCE)

    def names(self, under: str) -> list[str]:
        """The names of all files below the folder `under`, sorted."""
        return patiently(partial(self.storage.names, under), PATIENCE)

    def delete(self, name: str) -> None:
        """Remove a file if it exists."""
        patiently(partial(self.storage.delete, name), PATIENCE)
