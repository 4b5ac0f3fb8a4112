"""Deliver the journal to MLflow: a parent run for each search, a child run for each trial. The search never waits.

The journal is the outbox. A thread reads it from where MLflow's copy ends, delivers it in batches and in order, and
then writes how far it came into `delivered.json`. After a crash between the delivery and this note the batch is sent
again, which changes nothing (see search.tracking.delivery). A server that is down delays the delivery. The next start,
or `sync`, catches up, and also delivers again what was lost or deleted in MLflow. After its start a search does not
restore deleted runs: otherwise a run that the user deletes would come back at once.
"""

import sys
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from search.journal.history import History
from search.journal.log import Event
from search.storage.ownership import taken
from search.storage.redact import shown_uri
from search.storage.search_folder import SearchFolder
from search.tracking.client import tracking_uri
from search.tracking.delivered import undelivered
from search.tracking.delivery import Delivery
from search.tracking.refusals import Refusals
from search.tracking.troubles import StoreProblem, in_one_line
from trainers.errors import EnvironmentProblem, InputError
from trainers.locking import lock_at


class Tracker:
    """Delivers a running search's journal from a thread of its own."""

    def __init__(
        self,
        folder: SearchFolder,
        uri: str,
        until: Callable[[], int] = lambda: sys.maxsize,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Prepare the thread; `start` starts it.

        Args:
            folder: the search.
            uri: the store's address.
            until: returns the byte up to which the journal may be delivered. Events that could still be lost with this
                host must not appear in MLflow.
            tell: is called with messages about the store for the user, each of them once.
        """
        self._folder, self._uri, self._until, self._tell = folder, uri, until, tell
        self.refusals = Refusals(folder.hint("sync"), tell)  # what the store did not take in this session
        self._wake, self._closing = threading.Event(), threading.Event()
        self.problem: str | None = None  # why nothing is delivered now
        self.parent: tuple[str, str] | None = None  # experiment id and run id, once known
        self.different: list[str] | None = None  # differences from the journal, found at the end; None: not compared
        self._thread = threading.Thread(target=self._run, name="mlflow delivery", daemon=True)

    def start(self) -> None:
        """Start the thread that delivers."""
        self._thread.start()

    def on_event(self, event: Event, history: History) -> None:
        """Wake the thread, as there is more to deliver."""
        self._wake.set()

    def close(self, patience: float) -> int:
        """Wait until everything is delivered, the store fails, or `patience` seconds have passed.

        Returns:
            How many events are left to deliver.
        """
        self._closing.set()
        self._wake.set()
        self._thread.join(patience)
        return undelivered(self._folder)

    def _run(self) -> None:
        delivery: Delivery | None = None
        met, pause = False, 1.0  # met: whether the store has answered in this session
        while True:
            self._wake.wait(pause)
            self._wake.clear()
            closing = self._closing.is_set()
            try:
                with lock_at(self._folder.delivery_lock):  # else two processes could create one run twice
                    delivery = delivery or self._connected(mend=not met)
                    met = True
                    delivery.catch_up(self._until())
                    self.parent, self.problem, pause = delivery.parent_location, None, 1.0
                    if closing:
                        self.different = delivery.reconcile()
            except Exception as error:  # MLflow raises whatever its store raises, and none of it may end the search
                self.problem, delivery = in_one_line(error), None
                pause = min(2 * pause, 30.0)
                self._closing.wait(pause)
            if closing:
                return

    def _connected(self, *, mend: bool) -> Delivery:
        return Delivery(
            self._folder, self._uri, refusals=self.refusals, mend=mend, tell=self._tell, wait=self._closing.wait
        )


def deliver(folder: SearchFolder, tell: Callable[[str], None]) -> None:
    """Deliver the journal of a search that is not running to MLflow, from where MLflow's copy ends.

    Unlike `sync` it compares nothing, restores nothing that was deleted, and tells a failure to `tell`.
    """
    refusals = Refusals(folder.hint("sync"), tell)
    try:
        with lock_at(folder.delivery_lock):
            uri = tracking_uri(folder.spec(), folder.root)
            Delivery(folder, uri, refusals=refusals, mend=False, tell=tell).catch_up()
    except Exception as error:  # MLflow raises whatever its store raises, and none of it may spoil what was found
        tell(
            f"nothing can be delivered to MLflow now ({in_one_line(error)}); `{folder.hint('sync')}` delivers it later"
        )


class Synced(NamedTuple):
    """What a `sync` has done."""

    delivered: int  # how many events were delivered
    different: list[str]  # how MLflow and the journal differ, in words
    refused: list[str]  # what MLflow did not take, and why

    def as_json(self) -> dict[str, Any]:
        """The three fields as a dict, for JSON."""
        return {"delivered": self.delivered, "different": self.different, "refused": self.refused}


def sync(folder: SearchFolder, tell: Callable[[str], None] = print) -> Synced:
    """Deliver everything that MLflow lacks, and compare every value in the journal and in MLflow.

    Args:
        folder: the search.
        tell: is called with messages about the search's stores for the user.

    Raises:
        EnvironmentProblem: MLflow cannot be reached.
        InputError: the search is running, and its driver delivers.
    """
    if (holder := folder.holder()) is not None:
        raise InputError(f"{folder.title} is run by {holder}, which delivers as it goes; sync it when it has ended")
    until = sys.maxsize
    if folder.storage is not None:
        with taken(folder, tell) as hold:  # the search's store must have the journal before MLflow does
            hold.flush(tell)
            until = hold.safe()
    uri = tracking_uri(folder.spec(), folder.root)
    folder.history()  # a damaged journal raises here, so that it is not reported as the store's fault
    refusals = Refusals(folder.hint("sync"))
    try:
        with lock_at(folder.delivery_lock):
            delivery = Delivery(folder, uri, refusals=refusals, mend=True, tell=tell)
            lacked = undelivered(folder)
            delivery.catch_up(until)
            delivery.close_orphans()
            return Synced(lacked - undelivered(folder), delivery.reconcile(), refusals.in_words())
    except Exception as error:  # whatever the store raises
        why = in_one_line(error)
        went = f": {why}, then `{folder.hint('sync')}`; nothing is lost"
        if not isinstance(error, StoreProblem):
            went = f" ({why}); nothing is lost, try again"
        raise EnvironmentProblem(f"tracking: MLflow at {shown_uri(uri)} takes nothing{went}") from None
