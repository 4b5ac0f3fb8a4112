"""How many trials fit on the nodes of a cluster at once."""

import time
from typing import Any

from spaces.sections import ResourcesConfig
from spaces.spec import SearchSpec

Node = dict[str, float]  # a live node's resources by Ray's names


def slots_on(resources: ResourcesConfig, nodes: list[Node]) -> int:
    """How many trials fit on the nodes at once. The workers of one trial may be on several nodes."""
    return workers_on(resources, nodes) // resources.workers


def workers_on(resources: ResourcesConfig, nodes: list[Node]) -> int:
    """How many workers fit on the nodes at once. A single worker never spans two nodes."""
    wanted = {kind: amount for kind, amount in (("CPU", resources.cpus), ("GPU", resources.gpus)) if amount > 0}
    return sum(min(int(node.get(kind, 0.0) / amount + 1e-9) for kind, amount in wanted.items()) for node in nodes)


def live_nodes(nodes: list[dict[str, Any]]) -> list[Node]:
    """The resources of the live nodes among `nodes`, which is what `ray.nodes()` returns."""
    return [node["Resources"] for node in nodes if node["Alive"]]


class Slots:
    """How many trials may run at once on the cluster as it is now; asks Ray at most every five seconds."""

    def __init__(self, spec: SearchSpec) -> None:
        self._spec = spec
        self._asked, self._slots = 0.0, 0

    def __call__(self) -> int:
        """How many trials fit on the live nodes: at least one, and at most the spec's `max_concurrent`."""
        import ray  # imported only here: it takes half a second

        if time.monotonic() - self._asked > 5 or self._slots == 0:
            self._asked = time.monotonic()
            self._slots = max(1, slots_on(self._spec.resources, live_nodes(ray.nodes())))
        return min(self._slots, self._spec.search.max_concurrent or self._slots)
