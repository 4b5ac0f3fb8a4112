"""A trial's files as its worker writes them: in the results folder, or in a store, so that nodes need no shared folder.

What both have in common is in search.storage.trial_folder. They differ in two ways. One is how old checkpoints are
removed: a store is listed once, and a removal that fails there is repeated after a later epoch. The other is the log:
on the way to a store, a trial's output goes to a file on the worker's node first, one for each attempt, and from there
to the store with each checkpoint.
"""

import math
import os
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from search.storage.object_store import Storage, StorageError
from search.storage.places import PatientPlace
from search.storage.trial_folder import CHECKPOINTS, LOG_OF_ATTEMPT, TrialFiles, TrialFolder
from trainers.checkpoint import Checkpoint, packed, save_checkpoint
from trainers.files import open_log

KEEP = 2  # how many checkpoints of a running trial stay
# Seconds, many more than the journal in a store lags behind its driver. If epochs are short and the driver's host is
# lost, a trial's newest checkpoints may be ahead of the stored journal. Then the trial goes on from an older one.
SAFE_AGE = 10.0


class LocalTrial(TrialFolder):
    """A trial's files in the results folder."""

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, and remove all but the newest two."""
        save_checkpoint(checkpoint, self.checkpoints, KEEP)

    def open_log(self) -> TextIO:
        """Open the file that the trial prints to. New output follows that of earlier attempts."""
        self.path.mkdir(parents=True, exist_ok=True)
        return open_log(self.log)

    def send_log(self) -> None:
        """Do nothing: the log is in its final place."""

    def close(self) -> None:
        """Do nothing: no temporary file is open."""


class StoredTrial(TrialFiles):
    """A trial's files in a store. If the store does not answer, most methods wait, and then raise StorageError."""

    def __init__(self, storage: Storage) -> None:
        super().__init__(PatientPlace(storage))
        self._storage = storage  # for requests that do not wait for the store
        self._checkpoints: list[str] | None = None  # the newest first; None: not looked for yet
        self._safe: list[str] = []  # at most two checkpoints, written SAFE_AGE or more apart
        self._safe_since = -math.inf
        # the file has no name, so it is gone when this process ends, however it ends
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `close`
        self._log_name = f"{LOG_OF_ATTEMPT}{time.time_ns():020d}-{os.getpid()}.txt"

    def checkpoint_names(self) -> list[str]:
        """The checkpoints in the store, the newest first. The store is asked once, as only this worker adds any."""
        if self._checkpoints is None:
            self._checkpoints = super().checkpoint_names()
        return self._checkpoints

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, and remove all but the newest two and the two in `_safe`."""
        file, content = packed(checkpoint)
        name, before = f"{CHECKPOINTS}/{file}", self.checkpoint_names()
        self.place.put(name, content)
        if time.monotonic() - self._safe_since >= SAFE_AGE:
            self._safe = [*(self._safe or before)[-1:], name]
            self._safe_since = time.monotonic()
        names = sorted({name, *before}, reverse=True)
        self._checkpoints = [one for one in names if one in names[:KEEP] or one in self._safe]
        for old in set(names) - set(self._checkpoints):
            try:
                self._storage.delete(old)
            except StorageError:  # `old` is removed after a later epoch
                self._checkpoints.append(old)

    def open_log(self) -> TextIO:
        """Open the file that this attempt prints to."""
        return open_log(os.dup(self._log.fileno()))

    def send_log(self) -> None:
        """Send what this attempt has printed so far. If the store does not answer, the next call sends it."""
        printed = os.fstat(self._log.fileno()).st_size
        with suppress(StorageError):
            self._storage.put(self._log_name, os.pread(self._log.fileno(), printed, 0))

    def close(self) -> None:
        """Remove the temporary file, so that nothing is left on the node."""
        self._log.close()


def files_of(assignment: Mapping[str, Any]) -> LocalTrial | StoredTrial:
    """The files of the trial that `assignment` describes (see search.worker.trainable)."""
    if assignment.get("storage") is not None:
        return StoredTrial(Storage(assignment["storage"]))
    return LocalTrial(Path(assignment["folder"]))
