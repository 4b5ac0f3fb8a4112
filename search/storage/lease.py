"""Who drives a search: one driver at a time, on whichever host.

A file lock may hold on one host only (NFS), so a lease is kept too: a file `driver.json` that the driver writes again
every few seconds. A lease that nobody renews for half a minute is taken over. Clocks of two hosts are never compared: a
driver that finds another driver's lease watches whether the file changes.

To take a lease a driver writes it, waits a moment and reads it back. If two drivers write in that moment, the later
writer has the lease. pyarrow and fsspec have no conditional write. obstore has one, but it would not make the wait
unnecessary: some S3 servers ignore the condition and report success, and others let two writers through.

One race remains. A driver can stand still, or be cut off, for more than half a minute after it has checked the lease
and before it writes to the journal. By then another driver may have the search. In a store the late write is recognised
by the lease's number, which grows with every takeover (see search.storage.journal_segments), and ignored. In a folder
that two hosts share without a store, the late line would be in the journal of the new driver. A late checkpoint does no
harm: a worker of the new driver would write the same.
"""

import json
import os
import secrets
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from search.storage.object_store import Storage, StorageError, at_once
from trainers.errors import EnvironmentProblem

FILE = "driver.json"
RENEWED_EVERY, STALE_AFTER, SETTLES = 5.0, 30.0, 1.0  # seconds


@dataclass(frozen=True)
class Holder:
    """A driver that holds a lease, or held it, as the lease's file records the driver."""

    id: str
    number: int  # how many drivers have had the search, this one included
    host: str
    pid: int
    machine: str  # `this_machine()` of the driver: only where it is the same can the pid be looked up
    beat: int = 0  # grows with every renewal
    released: bool = False

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    def is_dead_here(self) -> bool:
        """Whether the driver ran on this machine and has ended; False if that is unknown."""
        if self.machine != this_machine():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:  # the process of another user
            return False
        return False


def this_machine() -> str:
    """An id of this machine's boot and pid namespace; it differs between two containers on one host."""
    try:
        return (
            Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            + " "
            + str(Path("/proc/self/ns/pid").readlink())
        )
    except OSError:  # not Linux
        return f"{socket.gethostname()} {uuid.getnode():x}"


def holder_of(storage: Storage) -> Holder | None:
    """The driver in the lease at `storage`, even if it has ended; None if there is no lease or it is unreadable."""
    content = storage.find(FILE)
    try:
        return None if content is None else Holder(**json.loads(content))
    except (ValueError, TypeError):
        return None


def live_holder(storage: Storage, tell: Callable[[str], None]) -> Holder | None:
    """The driver that has the search now; None if no driver has it. Waits up to half a minute for a sign of life.

    `tell` is called with a message if a driver on another machine is waited for.
    """
    first = holder_of(storage)
    if first is None or first.released or first.is_dead_here():
        return None
    if first.machine != this_machine():
        tell(f"{first} had the search; waiting up to {STALE_AFTER:.0f} s for a sign of its life")
    deadline = time.monotonic() + STALE_AFTER
    while time.monotonic() < deadline:
        time.sleep(min(1.0, STALE_AFTER / 4))
        now = holder_of(storage)
        if now is None or now.released:
            return None
        if now != first:
            return now
    return None


class Lease:
    """A lease, which this process holds as long as `lost` is None. A thread renews it."""

    def __init__(self, storage: Storage, title: str, tell: Callable[[str], None], *, is_locked: bool = False) -> None:
        """Take the lease. Raises EnvironmentProblem, which names the holder, if another driver has it.

        Args:
            storage: the folder in which the file of the lease is.
            title: the search's name, for messages.
            tell: is called with messages for the user.
            is_locked: whether the caller holds the folder's file lock, so that no other driver of this machine has the
                lease.
        """
        self._storage, before = storage, holder_of(storage)
        is_ours = is_locked and (before is None or before.machine == this_machine())
        if not is_ours and (holder := live_holder(storage, tell)) is not None:
            raise EnvironmentProblem(f"search {title} is run by {holder}, says {storage.shown}; stop it there first")
        number = 1 if before is None else before.number + 1
        self._mine = Holder(secrets.token_hex(8), number, socket.gethostname(), os.getpid(), this_machine())
        self._put(self._mine)
        if not is_ours:
            time.sleep(SETTLES)
        self.lost: str | None = None  # which driver has taken the lease over: "by process 7 on host"
        self._renewed, self._lock = time.monotonic(), threading.Lock()
        self._ended = threading.Event()
        if not self._is_mine():
            raise EnvironmentProblem(f"search {title} was begun at the same moment {self.lost}")
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)
        self._thread.start()

    @property
    def number(self) -> int:
        """How many drivers have had the search, this one included."""
        return self._mine.number

    def is_sure(self) -> bool:
        """Whether this process still holds the lease. Renews it first if it has not been renewed for 15 s.

        May raise StorageError.
        """
        if self.lost is None and time.monotonic() - self._renewed > STALE_AFTER / 2:
            self.renew()
        return self.lost is None

    def renew(self) -> None:
        """Renew the lease if this process still holds it. May raise StorageError."""
        with self._lock:
            began = time.monotonic()
            if self.lost is not None or not self._is_mine():
                return
            self._mine = replace(self._mine, beat=self._mine.beat + 1)
            self._put(self._mine)
            self._renewed = began

    def release(self) -> None:
        """Give the lease back, so that the next driver need not wait."""
        self._ended.set()
        self._thread.join(STALE_AFTER)
        with suppress(StorageError):
            if self.lost is None and self._is_mine():
                self._put(replace(self._mine, released=True))

    def _is_mine(self) -> bool:
        now = holder_of(self._storage)
        if now is not None and now.id != self._mine.id:
            self.lost = f"by {now}"
        return self.lost is None

    def _put(self, holder: Holder) -> None:
        self._storage.put(FILE, json.dumps(asdict(holder)).encode())

    def _run(self) -> None:
        while not self._ended.wait(RENEWED_EVERY) and self.lost is None:
            with suppress(StorageError):  # tried again soon; in a store, the journal's mirror reports the same error
                self.renew()


@contextmanager
def leased(storage: Storage, title: str, tell: Callable[[str], None], *, is_locked: bool = False) -> Iterator[Lease]:
    """Hold a search's lease within the block. The arguments and errors are those of `Lease`."""
    lease = at_once(lambda: Lease(storage, title, tell, is_locked=is_locked), storage)
    try:
        yield lease
    finally:
        lease.release()
