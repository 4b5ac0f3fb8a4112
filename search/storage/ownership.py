"""Have a search for one driver: by its folder's lock, a lease, and, where it is kept in a store, a mirror there.

What the store has is the truth between two drivers, as it is all that a driver on another host would find. A folder
that is behind it is brought up to it when the search is taken; so is one that is not there at all.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from search.journal.history import ENDED, History, read_history
from search.journal.log import Event
from search.storage.fetch import agree_on_openings
from search.storage.journal_segments import FOLDER as JOURNAL_PIECES
from search.storage.journal_segments import joined, segments
from search.storage.lease import Lease, leased
from search.storage.object_store import PATIENCE, Storage, at_once, storage_at
from search.storage.replication import Mirror
from search.storage.search_folder import ABOUT, SPEC, SearchFolder
from search.storage.trial_folder import TRIALS, trial_of, trial_path
from spaces.spec import SearchSpec
from trainers.commands import command_line
from trainers.errors import InputError
from trainers.files import write_atomically

FLUSH_PATIENCE = 30.0  # seconds at the end of a session for what the store still lacks
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Hold:
    """A search that this driver has, alone."""

    lease: Lease
    history: History  # as the journal has it; whoever adds to the one adds to the other
    storage: Storage | None = None  # None: it is kept in its folder alone
    mirror: Mirror | None = None

    @property
    def listeners(self) -> list[Callable[[Event, History], None]]:
        """What is to hear of every event."""
        return [] if self.mirror is None else [self.mirror.on_event]

    @property
    def drop_checkpoints(self) -> Callable[[int, int], None] | None:
        """What removes a trial's checkpoints but the newest so many; None where they are in its folder."""
        return None if self.mirror is None else self.mirror.drop_checkpoints

    def safe(self) -> int:
        """How many bytes of the journal are safe in the store."""
        return sys.maxsize if self.mirror is None else self.mirror.sent

    def place_of(self, number: int) -> str | None:
        """Where in the store a trial's files are; None where they are in its folder."""
        return None if self.storage is None else (self.storage / trial_path(number)).uri

    def taken_over(self) -> str | None:
        """Why this driver has to end, where another one has the search now."""
        return None if self.lease.lost is None else f"the search was taken over {self.lease.lost}"

    def cut_off(self) -> str | None:
        """Why this driver has to wait, where the store has taken nothing from it for as long as a worker would try."""
        if self.mirror is None or self.mirror.silent_for() < PATIENCE:
            return None
        return f"the storage does not answer the search's driver ({self.mirror.problem})"

    def problem(self) -> str | None:
        """What a person should know of the store just now."""
        if self.mirror is None or self.mirror.problem is None:
            return None
        return f"the storage takes nothing just now ({self.mirror.problem}); what it lacks is sent when it does"

    def flush(self, tell: Tell) -> None:
        """Send what the store lacks, or tell of it."""
        if self.mirror is not None and (left := self.mirror.close(FLUSH_PATIENCE)):
            why = self.taken_over() or self.mirror.problem or "it is slow"
            tell(
                f"the storage lacks the journal's last {left} bytes ({why}); this host has them: resume the search here"
            )


@contextmanager
def taken(folder: SearchFolder, tell: Tell) -> Iterator[Hold]:
    """Have a search, or a confirmation, inside.

    The lock keeps out the drivers of this machine. It may mean nothing to other hosts that share the folder, as not
    every shared filesystem passes it on: so there is a lease in the folder as well, or in the store where it has one.
    Raises EnvironmentProblem when another driver has it, or when the store does not answer.
    """
    with folder.lock():
        storage, above = folder.storage, folder.searched.storage
        if storage is None or above is None:
            here = Storage(str(folder.path))
            with leased(here, folder.title, tell, is_locked=True) as lease:
                history = read_history(folder.journal)
                _remove_what_is_ahead(here, history)
                yield Hold(lease, history)
            return
        with leased(above, folder.searched.title, tell) as lease:
            mirror, history = at_once(lambda: _agreed(folder, storage, above, lease, tell), storage)
            try:
                yield Hold(lease, history, storage, mirror)
            finally:
                mirror.close(FLUSH_PATIENCE / 3)


def _agreed(folder: SearchFolder, storage: Storage, above: Storage, lease: Lease, tell: Tell) -> tuple[Mirror, History]:
    """See to it that folder and store have the same, and begin to mirror.

    above: the place of the search, where the folder is that of its confirmation.
    """
    folder.open_journal().close()  # drops a torn last line, of which no byte may be sent
    _introduce(folder, storage)
    pieces = segments(storage.names(JOURNAL_PIECES))
    agree_on_openings(folder.searched, above)
    sent = _bring_journal(folder, joined(pieces, storage.find), tell)
    history = read_history(folder.journal)
    _remove_what_is_ahead(storage, history)
    return Mirror(folder, storage, lease, sent, pieces), history


def _introduce(folder: SearchFolder, storage: Storage) -> None:
    """Put what the search is, if it is new there. Raises InputError when another search has that place."""
    there = storage.find(ABOUT)
    if there is None:
        for name in (SPEC, ABOUT):  # the latter says that both are there
            storage.put(name, (folder.path / name).read_bytes())
    elif json.loads(there)["id"] != folder.about()["id"]:
        raise InputError(f"name: another search {folder.title!r} is kept in {storage.shown}; remove one of them")


def _bring_journal(folder: SearchFolder, stored: bytes, tell: Tell) -> int:
    """Bring the folder's journal up to the stored one; how many bytes of it the store has."""
    local = folder.journal.read_bytes() if folder.journal.exists() else b""
    local = local[: local.rfind(b"\n") + 1]
    if local.startswith(stored):
        return len(stored)
    if not stored.startswith(local):  # another host went on before this one's last words had reached the store
        # the journal goes last: while it is there, a driver that is killed here does all of this again
        folder.delivered.unlink(missing_ok=True)  # MLflow gets all of it again, which doubles nothing
        shutil.rmtree(folder.path / TRIALS, ignore_errors=True)  # what was fetched may be of other trials
        aside = folder.journal.with_name(f"journal.{time.time_ns()}.jsonl")
        folder.journal.rename(aside)
        tell(
            f"another host went on with {folder.title}: its journal counts; the end of this one's stays in {aside.name}"
        )
    write_atomically(folder.journal, stored)
    return len(stored)


def _remove_what_is_ahead(storage: Storage, history: History) -> None:
    """Remove what trials left there that the journal does not know of: its end was lost with its host, say.

    A trial goes on from its newest checkpoint, and every epoch must reach the journal, as a rung is one epoch: so none
    may be newer than the one after the last that the journal has. What is computed again comes to the same.
    """
    from trainers.checkpoint import epoch_in  # seconds, for torch

    for name in storage.names(TRIALS):
        number, epoch = trial_of(name), epoch_in(name.rpartition("/")[2])
        trial = None if number is None else history.trials.get(number)
        if trial is None or (trial.state not in ENDED and epoch is not None and epoch > trial.epoch + 1):
            storage.delete(name)


def is_stored(spec: SearchSpec) -> bool:
    """Whether a search of that name is kept in the spec's store."""
    if spec.storage.uri is None:
        return False
    storage = storage_at(spec.storage.uri) / spec.name
    return at_once(lambda: storage.find(ABOUT), storage) is not None


def refuse_stored(spec: SearchSpec) -> None:
    """Raise InputError when a search of that name is kept in the spec's store."""
    if is_stored(spec):
        raise InputError(
            f"name: a search {spec.name!r} exists in {spec.storage.uri}; go on with "
            f"`{command_line('resume', spec.name, storage=spec.storage.uri)}`, or choose another --name"
        )
