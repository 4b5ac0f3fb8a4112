"""Which nodes of a cluster may take a search's trials, as nodes come, go and fail.

A node that joins is checked like the nodes at the start (see search.cluster.node_check); it gets trials after it has
passed. A node on which several attempts at different trials crashed gets no more trials. A search on a Ray of its own
needs none of this.
"""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import ray

from search.cluster import node_check
from search.cluster.slots import Node
from search.journal.history import Trial
from search.storage.object_store import Storage, StorageError
from search.storage.provenance import code_hash
from search.storage.search_folder import SearchFolder
from search.storage.trial_folder import TrialFiles, trial_path

LOOK_SECONDS = 5.0
CRASHES = 3  # crashed attempts, at two or more trials, exclude a node; a trial that ends well there resets the count


# A function of a trial's number, and of whether to remove the record of the trial's node. It returns Ray's id of the
# node on which the trial ran last; None if the node is not known now.
NotedNode = Callable[[int, bool], str | None]


def noted_node_of(folder: SearchFolder) -> NotedNode:
    """The `NotedNode` function of a search. It does not wait for a store that does not answer."""
    storage = folder.storage

    def noted(number: int, for_the_last_time: bool) -> str | None:
        trial = folder.trial(number) if storage is None else TrialFiles(storage / trial_path(number))
        with suppress(StorageError):
            return trial.take_noted_node() if for_the_last_time else trial.noted_node()
        return None

    return noted


class Admission:
    """The nodes of a running cluster that may take trials. `look` keeps them up to date."""

    def __init__(
        self,
        folder: SearchFolder,
        checked: Iterable[str],
        tell: Callable[[str], None],
        noted_node: NotedNode,
        place: Storage | None = None,
        parts: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Begin with the nodes that the session's start has checked.

        Args:
            folder: the search.
            checked: Ray's ids of the nodes that passed the check.
            tell: is called with messages for the user.
            noted_node: see `noted_node_of`.
            place: the folder or store that the nodes must share; None for the results folder.
            parts: field and import path of the user's own parts, which a node must have.
        """
        self._tell = tell
        self._good = set(checked)
        self._bad: set[str] = set()
        self._avoided: set[str] = set()  # nodes of `_bad` that were good before
        self._asked: dict[str, Any] = {}  # node id -> Ray's reference to the result of its check
        self._crashed: defaultdict[str, list[int]] = defaultdict(list)  # node id -> a trial's number for each crash
        self._alive: dict[str, dict[str, Any]] = {}
        self._noted_node = noted_node
        home = f".joined-{folder.name}-{os.getpid()}"
        self._probe = node_check.Probe(place or Storage(str(folder.root)), home, parts)
        self._is_written = False
        self._looked = 0.0
        self.look()

    def look(self, *, at_once: bool = False) -> None:
        """Ask Ray for its live nodes and `see` them. Without `at_once`, at most every five seconds."""
        if not at_once and self._looked and time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        self.see([node for node in ray.nodes() if node["Alive"]])

    def see(self, alive: list[dict[str, Any]]) -> None:
        """Start checks of new nodes, take in results of checks, and notice nodes that have left.

        alive: the nodes that are alive now, as `ray.nodes()` lists them.
        """
        before, self._alive = self._alive, {node["NodeID"]: node for node in alive}
        for node_id in before.keys() - self._alive.keys():
            self._asked.pop(node_id, None)
            if node_id in self._good:
                self._tell(f"{node_check.name_of(before[node_id])} has left; its trials go on elsewhere")
        for node_id in self._alive.keys() - self._good - self._bad - self._asked.keys():
            with suppress(StorageError):  # the node is asked at the next look
                self._asked[node_id] = self._ask(node_id)
        for node_id in [node_id for node_id, answer in self._asked.items() if self._has_answered(answer)]:
            with suppress(node_check.NodeGoneError):  # the next look shows that the node has left
                self._judge(self._alive[node_id], self._asked.pop(node_id))
        if not self._asked:
            self.close()

    def nodes(self) -> list[Node]:
        """The resources of the nodes that may take trials."""
        return [self._alive[node_id]["Resources"] for node_id in self.ids()]

    def ids(self) -> list[str]:
        """Ray's ids of the nodes that may take trials."""
        return sorted(self._good & self._alive.keys())

    @property
    def avoids_some(self) -> bool:
        """Whether a live node has been excluded, so that it may still have idle workers of ours."""
        return bool(self._avoided & self._alive.keys())

    def crashed(self, trial: int) -> None:
        """Count a crashed attempt at a trial against the attempt's node, unless the node is unknown or has died itself.

        After CRASHES crashed attempts, at two trials or more, the node is excluded, unless it is the last good node.
        """
        self.look(at_once=True)
        node = self._noted_node(trial, True)  # None if the attempt died before it recorded its node
        if node is None or node not in self._good or node not in self._alive:
            return
        self._crashed[node].append(trial)
        trials = self._crashed[node]
        if len(trials) >= CRASHES and len(set(trials)) > 1 and len(self.ids()) > 1:
            self._good.discard(node)
            self._bad.add(node)
            self._avoided.add(node)
            names = ", ".join(str(number) for number in sorted(set(trials)))
            self._tell(f"{node_check.name_of(self._alive[node])} takes no more trials: trials {names} crashed on it")

    def ended(self, trial: Trial) -> None:
        """Note that a trial has ended.

        A crash counts against the trial's node. If the trial did not fail, earlier crashes on its node are forgotten.
        """
        if trial.state == "failed" and str(trial.reason).startswith("crashed"):
            self.crashed(trial.number)
        elif trial.state != "failed":
            self._crashed.pop(self._noted_node(trial.number, False) or "", None)

    def close(self) -> None:
        """Remove the folder with the files of the checks."""
        if self._is_written:
            self._probe.remove()
        self._is_written = False

    def _ask(self, node_id: str) -> Any:
        if not self._is_written:
            self._probe.write("code", code_hash())
            self._is_written = True
        return node_check.ask(node_id, self._probe)

    def _has_answered(self, answer: Any) -> bool:
        return bool(ray.wait([answer], timeout=0)[0])

    def _judge(self, node: dict[str, Any], answer: Any) -> None:
        complaint = node_check.complaint_about(node, answer, self._probe, code_hash())
        if complaint is None:
            self._good.add(node["NodeID"])
            self._tell(f"{node_check.name_of(node)} has joined and takes trials")
        else:
            self._bad.add(node["NodeID"])
            self._tell(f"{complaint}; until it is mended and joins anew it takes no trials")
