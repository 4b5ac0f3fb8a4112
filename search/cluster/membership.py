"""A search's session on a running cluster: the nodes that it may use, and its share of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from search.cluster.fair_share import Share, announced
from search.cluster.node_check import shared_place
from search.cluster.node_health import Admission, noted_node_of
from search.cluster.placement import Places
from search.cluster.slots import Node
from search.storage.search_folder import SearchFolder
from spaces.own_parts import parts_of_trials
from spaces.spec import SearchSpec


@dataclass(frozen=True)
class OnCluster:
    """What a session knows of the cluster that it runs on: the nodes that it may use, and its share."""

    admission: Admission
    share: Callable[[list[Node]], Share]  # from the nodes that may take trials (see `fair_share.announced`)

    def slots(self) -> int:
        """How many trials may run at once now."""
        return self.share(self.admission.nodes()).slots

    def is_crowded(self) -> bool:
        """Whether there are now more searches than slots."""
        return self.share(self.admission.nodes()).crowded

    def places(self, is_full: Callable[[], bool]) -> Places:
        """The object that keeps trials on admitted nodes. is_full: says whether every slot has a trial."""
        return Places(self.admission, is_full, self.is_crowded)


@contextmanager
def on_cluster(
    folder: SearchFolder, spec: SearchSpec, nodes: list[str] | None, tell: Callable[[str], None]
) -> Iterator[OnCluster | None]:
    """Take part in a running cluster within the block. Yields None, and does nothing, if `nodes` is None.

    nodes: Ray's ids of the nodes that have passed the check; None if the search runs on a Ray of its own.
    """
    if nodes is None:
        yield None
        return
    place = shared_place(spec, folder.root)
    admission = Admission(folder, nodes, tell, noted_node_of(folder), place, parts_of_trials(spec))
    try:
        with announced(spec, folder.about()["id"]) as share:
            yield OnCluster(admission, share)
    finally:
        admission.close()
