"""Hold a search for one driver by its folder's lock and a lease. If a store keeps the search, mirror its journal there.

If drivers on two hosts have run a search, the store's journal counts, because a driver on another host can find nothing
else. When a driver takes the search, a folder that is behind the store is brought up to date.
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

FLUSH_PATIENCE = 30.0  # seconds at the end of a session to send what the store lacks
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Hold:
    """A search that this process holds as its only driver, with what the driver needs of it."""

    lease: Lease
    history: History  # from the journal; code that adds to one must add to the other
    storage: Storage | None = None  # None: the search is kept in its folder only
    mirror: Mirror | None = None  # sends the journal to the store; None without a store

    @property
    def listeners(self) -> list[Callable[[Event, History], None]]:
        """The functions to call after each event is in the journal, with event and history; empty without a store."""
        return [] if self.mirror is None else [self.mirror.on_event]

    @property
    def drop_checkpoints(self) -> Callable[[int, int], None] | None:
        """A function of a trial's number and a count `keep`: see `Mirror.drop_checkpoints`. None without a store."""
        return None if self.mirror is None else self.mirror.drop_checkpoints

    def safe(self) -> int:
        """How many bytes of the journal are safe in the store. Without a store: `sys.maxsize`, as there is no limit."""
        return sys.maxsize if self.mirror is None else self.mirror.sent

    def place_of(self, number: int) -> str | None:
        """The address of a trial's files in the store; None if they are in the search's folder."""
        return None if self.storage is None else (self.storage / trial_path(number)).uri

    def taken_over(self) -> str | None:
        """A sentence that says why this driver must end, if another driver has taken over the search; else None."""
        return None if self.lease.lost is None else f"the search was taken over {self.lease.lost}"

    def cut_off(self) -> str | None:
        """A sentence that says why this driver must pause, if the store has not answered for PATIENCE; else None."""
        if self.mirror is None or self.mirror.silent_for() < PATIENCE:
            return None
        return f"the storage does not answer the search's driver ({self.mirror.problem})"

    def problem(self) -> str | None:
        """A sentence about a present problem with the store; None if there is no store or no problem."""
        if self.mirror is None or self.mirror.problem is None:
            return None
        return f"the storage does not answer now ({self.mirror.problem}); the rest is sent when it answers again"

    def flush(self, tell: Tell) -> None:
        """Send the rest of the journal to the store, and end the mirror. If that fails, tell how much is missing."""
        if self.mirror is not None and (left := self.mirror.close(FLUSH_PATIENCE)):
            why = self.taken_over() or self.mirror.problem or "it is slow"
            tell(
                f"the storage lacks the journal's last {left} bytes ({why}); this host has them: resume the search here"
            )


@contextmanager
def taken(folder: SearchFolder, tell: Tell) -> Iterator[Hold]:
    """Hold a search, a last step or a confirmation within the block. Yields the `Hold`.

    The lock keeps out other drivers on this machine. Not every shared filesystem passes locks on to other hosts, so
    there is a lease as well: in the store if the search has one, else in the folder.

    Raises:
        EnvironmentProblem: another driver holds the search, or the store does not answer.
        InputError: the store has another search of the same name.
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
    """Bring the folder up to the state of the store, and begin to send the store what it lacks of the journal.

    Args:
        folder: the search, last step or confirmation.
        storage: where the store keeps `folder`.
        above: where the store keeps the search that `folder` belongs to.
        lease: the lease on the search.
        tell: is called with messages for the user.

    Returns:
        The mirror, which sends the journal, and the history from the journal.
    """
    folder.open_journal().close()  # removes a torn last line, as none of its bytes may be sent
    _introduce(folder, storage)
    pieces = segments(storage.names(JOURNAL_PIECES))
    agree_on_openings(folder.searched, above)
    sent = _bring_journal(folder, joined(pieces, storage.find), tell)
    history = read_history(folder.journal)
    _remove_what_is_ahead(storage, history)
    return Mirror(folder, storage, lease, sent, pieces), history


def _introduce(folder: SearchFolder, storage: Storage) -> None:
    """Store the search's spec and search.json if the store does not have them.

    Raises InputError if the store has another search of that name.
    """
    there = storage.find(ABOUT)
    if there is None:
        for name in (SPEC, ABOUT):  # search.json comes last, as it shows that both files are there
            storage.put(name, (folder.path / name).read_bytes())
    elif json.loads(there)["id"] != folder.about()["id"]:
        raise InputError(f"name: another search {folder.title!r} is kept in {storage.shown}; remove one of them")


def _bring_journal(folder: SearchFolder, stored: bytes, tell: Tell) -> int:
    """Replace the folder's journal by `stored`, the journal in the store, unless it begins with all of `stored`.

    Returns how many bytes of the journal the store has.
    """
    local = folder.journal.read_bytes() if folder.journal.exists() else b""
    local = local[: local.rfind(b"\n") + 1]
    if local.startswith(stored):
        return len(stored)
    if not stored.startswith(local):  # another host went on before this host's last events had reached the store
        # the journal is moved last, so that after a kill in between the next driver repeats all steps
        folder.delivered.unlink(missing_ok=True)  # MLflow gets everything again, which doubles nothing
        shutil.rmtree(folder.path / TRIALS, ignore_errors=True)  # these files may belong to other trials
        aside = folder.journal.with_name(f"journal.{time.time_ns()}.jsonl")
        folder.journal.rename(aside)
        tell(
            f"another host went on with {folder.title}: its journal counts; the end of this one's stays in {aside.name}"
        )
    write_atomically(folder.journal, stored)
    return len(stored)


def _remove_what_is_ahead(storage: Storage, history: History) -> None:
    """Remove files of trials that are ahead of the journal, for example because the journal's end was lost with a host.

    These are all files of a trial that the journal does not have, and the checkpoints of an unended trial that are more
    than one epoch later than its last epoch in the journal. A trial goes on from its newest checkpoint, and every epoch
    must reach the journal, because ASHA decides at epochs. Computing an epoch again gives the same result.
    """
    from trainers.checkpoint import epoch_in  # imported only here: torch takes seconds

    for name in storage.names(TRIALS):
        number, epoch = trial_of(name), epoch_in(name.rpartition("/")[2])
        trial = None if number is None else history.trials.get(number)
        if trial is None or (trial.state not in ENDED and epoch is not None and epoch > trial.epoch + 1):
            storage.delete(name)


def is_stored(spec: SearchSpec) -> bool:
    """Whether the spec's store has a search of the spec's name; False if the spec names no store."""
    if spec.storage.uri is None:
        return False
    storage = storage_at(spec.storage.uri) / spec.name
    return at_once(lambda: storage.find(ABOUT), storage) is not None


def refuse_stored(spec: SearchSpec) -> None:
    """Raise InputError if the spec's store has a search of the spec's name."""
    if is_stored(spec):
        raise InputError(
            f"name: a search {spec.name!r} exists in {spec.storage.uri}; go on with "
            f"`{command_line('resume', spec.name, storage=spec.storage.uri)}`, or choose another --name"
        )
