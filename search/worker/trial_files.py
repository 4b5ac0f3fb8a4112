"""A trial's files as its worker sees them: in the results folder, or in a store, which spares nodes a shared folder.

What a trial prints goes to a file of the worker's node first, one for each attempt, and from there to the store with
each checkpoint.
"""

import json
import math
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from search.storage.object_store import PATIENCE, Storage, StorageError, patiently
from search.storage.search_folder import SearchFolder
from search.storage.trial_folder import TrialFolder, trial_path
from trainers.checkpoint import Checkpoint, epoch_in, newest_checkpoint, packed, save_checkpoint, unpacked
from trainers.files import open_log

KEEP = 2  # checkpoints of a trial that runs
# Seconds, much more than the journal in a store is behind its driver: where that is lost with its host, a trial goes on
# from a checkpoint that is so much older, when its epochs are so short that the newest ones are ahead of the journal.
SAFE_AGE = 10.0
# Ray's id of the node that a trial was tried on last, by its number; None where that cannot be known now. Where the
# second is true it is forgotten.
NotedNode = Callable[[int, bool], str | None]


class LocalTrial(TrialFolder):
    """In the results folder."""

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint."""
        save_checkpoint(checkpoint, self.checkpoints, KEEP)

    def newest(self) -> Checkpoint | None:
        """The newest whole checkpoint."""
        return newest_checkpoint(self.checkpoints)

    def open_log(self) -> TextIO:
        """Where the trial prints, after what its earlier attempts have."""
        self.path.mkdir(parents=True, exist_ok=True)
        return open_log(self.log)

    def send_log(self) -> None:
        """Nothing: the log is where it stays."""

    def close(self) -> None:
        """Nothing: there is no more than the folder."""


class StoredTrial:
    """In a store. A store that does not answer is waited for; then StorageError."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._checkpoints: list[str] | None = None  # the newest first; None: not looked for yet
        self._safe: list[str] = []  # two checkpoints, the older of which was there for SAFE_AGE
        self._safe_since = -math.inf
        # without a name: it goes with this process, however that ends
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # `close` does
        self._log_name = f"log-{time.time_ns():020d}-{os.getpid()}.txt"

    def save(self, checkpoint: Checkpoint) -> None:
        """Put a checkpoint, and remove all but the newest two, and one that was there for ten seconds."""
        file, content = packed(checkpoint)
        name, before = f"checkpoints/{file}", self._names()
        self._put(name, content)
        if time.monotonic() - self._safe_since >= SAFE_AGE:
            self._safe = [*(self._safe or before)[-1:], name]
            self._safe_since = time.monotonic()
        names = sorted({name, *before}, reverse=True)
        self._checkpoints = [one for one in names if one in names[:KEEP] or one in self._safe]
        for old in set(names) - set(self._checkpoints):
            try:
                self._storage.delete(old)
            except StorageError:  # it is removed with a later one
                self._checkpoints.append(old)

    def newest(self) -> Checkpoint | None:
        """The newest whole checkpoint."""
        for name in self._names():
            content = patiently(partial(self._storage.find, name), PATIENCE)
            if content is not None:
                try:
                    return unpacked(name.rpartition("/")[2], content)
                except ValueError:
                    continue
        return None

    def _names(self) -> list[str]:
        if self._checkpoints is None:
            found = patiently(partial(self._storage.names, "checkpoints"), PATIENCE)
            names = [name for name in found if epoch_in(name.rpartition("/")[2]) is not None]
            self._checkpoints = sorted(names, reverse=True)
        return self._checkpoints

    def write_result(self, result: dict[str, Any]) -> None:
        """Leave the result of a finished trial."""
        self._put("result.json", (json.dumps(result, indent=1) + "\n").encode())

    def has_met(self, error: str) -> bool:
        """Whether the trial has met this very error before; from now on it has."""
        known = patiently(partial(self._storage.find, "last-error.txt"), PATIENCE) == error.encode()
        self._put("last-error.txt", error.encode())
        return known

    def give_up(self, reason: str) -> None:
        """Leave for the next worker that takes the trial that it need not try, and why."""
        self._put("gave-up.txt", reason.encode())

    def take_reason_to_give_up(self) -> str | None:
        """Why the trial's last worker gave it up, said once; None where it did not."""
        reason = patiently(partial(self._storage.find, "gave-up.txt"), PATIENCE)
        if reason is None:
            return None
        patiently(partial(self._storage.delete, "gave-up.txt"), PATIENCE)
        return reason.decode()

    def note_node(self, node: str) -> None:
        """Leave for the driver on which node, by Ray's id, the trial is tried now."""
        self._put("node.txt", node.encode())

    def open_log(self) -> TextIO:
        """Where this attempt prints."""
        return open_log(os.dup(self._log.fileno()))

    def send_log(self) -> None:
        """Put what the trial has printed so far; where the store does not take it now, it comes with the rest."""
        printed = os.fstat(self._log.fileno()).st_size
        with suppress(StorageError):
            self._storage.put(self._log_name, os.pread(self._log.fileno(), printed, 0))

    def close(self) -> None:
        """Leave nothing on the node."""
        self._log.close()

    def _put(self, name: str, content: bytes) -> None:
        patiently(partial(self._storage.put, name, content), PATIENCE)


def noted_node_of(folder: SearchFolder) -> NotedNode:
    """What tells where the trials of a search were tried last."""
    storage = folder.storage

    def noted(number: int, for_the_last_time: bool) -> str | None:
        if storage is None:
            trial = folder.trial(number)
            return trial.take_noted_node() if for_the_last_time else trial.noted_node()
        name = f"{trial_path(number)}/node.txt"
        with suppress(StorageError):
            content = storage.find(name)
            if for_the_last_time:
                storage.delete(name)
            return None if content is None else content.decode()
        return None

    return noted


def files_of(assignment: Mapping[str, Any]) -> LocalTrial | StoredTrial:
    """Where the trial of an assignment keeps its files."""
    if assignment.get("storage") is not None:
        return StoredTrial(Storage(assignment["storage"]))
    return LocalTrial(Path(assignment["folder"]))
