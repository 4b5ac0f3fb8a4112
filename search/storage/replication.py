"""Send a running search's journal to its store as it grows, and remove checkpoints there that are not needed.

The driver works with the local journal. A thread sends what the store lacks, in order: at once if the last piece was
sent at least a second ago, else when that second is over. While the store answers, the loss of the driver's host costs
what was written in the last second and during the requests under way. While the store does not answer, each trial waits
until it can write its next checkpoint, before it reports that epoch. So at most one reported epoch of each trial can be
lost, with the decisions made on it.
"""

import math
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from queue import SimpleQueue

from search.journal.history import History
from search.journal.log import Event
from search.storage.journal_segments import Segment, segment
from search.storage.lease import Lease
from search.storage.object_store import PAUSES, Storage
from search.storage.search_folder import SearchFolder
from search.storage.trial_folder import CHECKPOINTS, TRIALS, checkpoints_of, trial_path

SEND_EVERY = 1.0  # seconds between two pieces while there is something to send
TIDYING = 0.2  # seconds at a time to remove files that are not needed any more
MERGE_AT = 200  # small pieces, which become one


class Mirror:
    """Sends the journal of a search to its store, on a thread. The driver must hold the search's lock and lease."""

    def __init__(
        self, folder: SearchFolder, storage: Storage, lease: Lease, sent: int, pieces: Iterable[Segment]
    ) -> None:
        """sent: how many bytes of the folder's journal the store has. pieces: the pieces in the store."""
        self._folder, self._storage, self._lease = folder, storage, lease
        self.sent = sent
        self.problem: str | None = None  # why the last request to the store failed; None if it succeeded
        self._failing_since = math.inf
        self._end = _size(folder)
        self._pieces, self._merged = list(pieces), 0
        # the lease's number is higher than the numbers of all pieces, unless somebody removed the lease
        self._number = max([lease.number, *(piece.lease + 1 for piece in self._pieces)])
        self._to_drop: SimpleQueue[tuple[int, int]] = SimpleQueue()  # trial, and how many of its checkpoints stay
        self._dropping: dict[int, int] = {}  # taken from `_to_drop`, and not carried out yet
        self._garbage: list[str] = []
        self._wake, self._closing, self._gave_up = threading.Event(), threading.Event(), threading.Event()
        self._last_sent = 0.0
        self._thread = threading.Thread(target=self._run, name="journal mirror", daemon=True)
        self._thread.start()

    def on_event(self, event: Event, history: History) -> None:
        """Note that the journal has grown. Called when the event is on the disk."""
        self._end = _size(self._folder)
        self._wake.set()

    def drop_checkpoints(self, number: int, keep: int) -> None:
        """Remove all checkpoints of trial `number` but the newest `keep`: on this host now, and later in the store.

        In the store they are removed after the event that made them unneeded is in the store's journal.
        """
        self._folder.trial(number).drop_checkpoints(keep)  # copies on this host
        self._end = _size(self._folder)  # the journal with that event
        self._to_drop.put((number, keep))
        self._wake.set()

    def silent_for(self) -> float:
        """For how many seconds requests to the store have failed; 0 if the last one succeeded."""
        return 0.0 if self.problem is None else max(0.0, time.monotonic() - self._failing_since)

    def close(self, patience: float) -> int:
        """Send the rest of the journal, for `patience` seconds at most, and end the thread.

        Returns how many bytes of the journal the store still lacks.
        """
        self._closing.set()
        self._wake.set()
        self._thread.join(patience)
        self._gave_up.set()
        return self._end - self.sent

    def _run(self) -> None:
        pause = PAUSES[0]
        while not self._gave_up.is_set():
            is_last = self._closing.is_set()
            try:
                if not self._lease.is_sure():
                    return
                self._step(is_last)
            except OSError as error:
                if self.problem is None:
                    self._failing_since = time.monotonic()
                self.problem = str(error)
                time.sleep(pause)
                pause = min(2 * pause, PAUSES[1])
                continue
            self.problem, pause = None, PAUSES[0]
            if is_last:
                return
            if not self._garbage:
                self._wake.wait()
            self._wake.clear()
            self._closing.wait(max(0.0, self._last_sent + SEND_EVERY - time.monotonic()))

    def _step(self, is_last: bool) -> None:
        while not self._to_drop.empty():
            number, keep = self._to_drop.get()
            self._dropping[number] = keep
        self._send()  # before checkpoints are dropped: the store must have the reasons first
        self._note_dropped()
        small = sum(piece.start >= self._merged for piece in self._pieces)
        if small >= MERGE_AT or (is_last and small > 1):
            self._merge()
        self._tidy(until=time.monotonic() + (10.0 if is_last else TIDYING))

    def _send(self) -> None:
        if (end := self._end) > self.sent:
            self._put(self._read(self.sent, end), self.sent)
            self.sent = end
        self._last_sent = time.monotonic()

    def _merge(self) -> None:
        """Write the content of all pieces since the last merge as one piece. The old pieces are removed later."""
        old = [piece for piece in self._pieces if piece.start >= self._merged]
        self._put(self._read(self._merged, self.sent), self._merged)
        new = self._pieces[-1]
        self._pieces = [piece for piece in self._pieces if piece not in old] + [new]
        self._garbage += [piece.name for piece in old if piece != new]
        self._merged = self.sent

    def _put(self, content: bytes, start: int) -> None:
        piece = segment(content, start, self._number)
        self._storage.put(piece.name, content)
        self._pieces.append(piece)

    def _read(self, start: int, end: int) -> bytes:
        with self._folder.journal.open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    def _note_dropped(self) -> None:
        if len(self._dropping) > 3:  # as when a session begins: one request for all trials
            found = checkpoints_of(self._storage.names(TRIALS))
        else:
            found = {}
            for number in self._dropping:
                found |= checkpoints_of(self._storage.names(f"{trial_path(number)}/{CHECKPOINTS}"))
        self._garbage += [name for number, keep in self._dropping.items() for name in found.get(number, [])[keep:]]
        self._dropping = {}

    def _tidy(self, until: float) -> None:
        while self._garbage and time.monotonic() < until:
            self._storage.delete(self._garbage[-1])
            self._garbage.pop()


def _size(folder: SearchFolder) -> int:
    with suppress(FileNotFoundError):
        return folder.journal.stat().st_size
    return 0
