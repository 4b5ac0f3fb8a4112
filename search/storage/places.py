"""One interface for a folder of files, on a disk or in a store."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from search.storage.object_store import PATIENCE, Storage, patiently
from trainers.files import write_atomically


class Place(Protocol):
    """A folder on a disk or in a store. Names are relative to it, as in `checkpoints/a.pt`.

    A `Storage` is a place as well, but does not wait for a store that does not answer.
    """

    def find(self, name: str) -> bytes | None:
        """The content of a file; None if it does not exist."""
        ...

    def put(self, name: str, content: bytes) -> None:
        """Write a file, over an older one of that name. It is written completely or not at all."""
        ...

    def names(self, under: str) -> list[str]:
        """The files below the folder `under`."""
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
        """Write a file, over an older one of that name. It is written completely or not at all."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, content)

    def names(self, under: str) -> list[str]:
        """The files below the folder `under`, without those that are being written."""
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
        """Write a file, over an older one of that name. It is written completely or not at all."""
        patiently(partial(self.storage.put, name, content), PATIENCE)

    def names(self, under: str) -> list[str]:
        """The files below the folder `under`."""
        return patiently(partial(self.storage.names, under), PATIENCE)

    def delete(self, name: str) -> None:
        """Remove a file if it exists."""
        patiently(partial(self.storage.delete, name), PATIENCE)
