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
    """The state of the cluster that a session runs on."""

    admission: Admission
    share: Callable[[list[Node]], Share]

    def slots(self) -> int:
        """How many trials may run at once now."""
        return self.share(self.admission.nodes()).slots

    def is_crowded(self) -> bool:
        """Whether there are more searches than slots."""
        return self.share(self.admission.nodes()).crowded

    def places(self, is_full: Callable[[], bool]) -> Places:
        """What keeps trials on admitted nodes. `is_full`: whether as many trials have begun as there are slots."""
        return Places(self.admission, is_full, self.is_crowded)


@contextmanager
def on_cluster(
    folder: SearchFolder, spec: SearchSpec, nodes: list[str] | None, tell: Callable[[str], None]
) -> Iterator[OnCluster | None]:
    """Take part in a cluster within the block, first with the checked `nodes`. None: Ray is our own; yields None."""
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
