"""Prepare a session: connect to Ray, check the cluster and the disk, and hold the search for this driver.

A search, its last step and a confirmation each describe what is to run as a `Task`. From there on they work alike.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from search.algorithms.luck import Luck
from search.algorithms.proposer import Agenda
from search.cluster.slots import Slots
from search.engine import preflight
from search.engine.checkpoint_retention import best_and_contrast
from search.engine.display import Display
from search.engine.interrupts import connected_quietly
from search.engine.plan import Plan
from search.journal.history import History
from search.journal.log import Event
from search.storage.ownership import Hold, taken
from search.storage.search_folder import SearchFolder
from spaces.spec import SearchSpec
from trainers.data.arrays import Split, TrialData


@dataclass(frozen=True)
class Task:
    """What a session is to run, as far as it is known before Ray is connected."""

    folder: SearchFolder  # it may not exist yet
    spec: SearchSpec
    plan: Plan  # its `slots` are not used: Ray says how many there are
    data: Mapping[int, TrialData]  # by the seed of its split
    agenda: Callable[[int], Agenda]  # made from the number of slots
    extend_by: int = 0  # how many trials the sampler proposes beyond those that were planned
    test: Split | None = None  # images on which trials are scored at their end; None in a search
    kept: Callable[[History], set[int]] | None = None  # see `to_keep`
    listeners: tuple[Callable[[Event, History], None], ...] = ()  # called with every event before other listeners
    luck: Luck | None = None  # its size, if the search is to stop when the rest is luck
    validated: frozenset[int] = frozenset()  # trials that a last step ran on fresh seeds; any may become the best

    def to_keep(self, history: History) -> set[int]:
        """The numbers of the trials whose last checkpoint stays: by default the best trials and `validated`."""
        if self.kept is not None:
            return self.kept(history)
        return best_and_contrast(history, self.spec.search.checkpoints_kept) | self.validated


@dataclass(frozen=True)
class Session:
    """A task that can begin: Ray is connected and has room for its trials, and no other driver holds the search."""

    task: Task
    plan: Plan
    agenda: Agenda
    hold: Hold
    nodes: list[str] | None  # the checked nodes of a cluster; None if we started Ray ourselves
    display: Display

    @property
    def folder(self) -> SearchFolder:
        """The search's folder."""
        return self.task.folder

    @property
    def spec(self) -> SearchSpec:
        """The spec that the search runs by."""
        return self.task.spec

    @property
    def history(self) -> History:
        """What has happened so far; the controller adds to it."""
        return self.hold.history


@contextmanager
def prepared(
    task: Task,
    *,
    address: str | None,
    display: Display,
    hold: Hold | None = None,
    begin: Callable[[], Any] = lambda: None,
) -> Iterator[Session]:
    """Yield a prepared session.

    Args:
        task: what is to run.
        address: "auto" or HOST:PORT of a running Ray cluster; see `search.run`.
        display: shows the progress.
        hold: the hold on a search that exists; None for a new search.
        begin: creates the folder of a new search. It is called after all checks have passed.

    Raises:
        EnvironmentProblem: the cluster cannot hold a trial, a node cannot take part, the disk is too full, or another
            driver has the search.
    """
    with connected_quietly(address, display), ExitStack() as stack:
        root = task.folder.root
        nodes = preflight.check_cluster(task.spec, root)
        slots = Slots(task.spec)()
        plan = task.plan.in_slots(slots)
        preflight.check_folder(root, plan, stored=task.spec.storage.uri is not None)
        if hold is None:
            begin()
            hold = stack.enter_context(taken(task.folder, display.say))
        yield Session(task, plan, task.agenda(slots), hold, nodes, display)
