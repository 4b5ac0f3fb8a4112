"""Searches on one cluster share it equally, without a server that arranges it.

Each running search has a Ray actor that dies with the search's driver. The actor's name holds the search's claim, and
each search reads the names of all these actors. So all searches compute the same shares. A running trial is never
stopped: a search with more than its share gives up a slot when the slot's trial has ended.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import ray
from ray.util import list_named_actors
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from search.cluster.slots import Node, slots_on
from spaces.sections import ResourcesConfig
from spaces.spec import SearchSpec

NAMESPACE = "afcl"
LOOK_SECONDS = 5.0


@dataclass(frozen=True, order=True)
class Claim:
    """What a running search asks of the cluster. The order of claims is by age, the oldest first."""

    since: float  # when the search's session began, in seconds since 1970
    search: str  # the search's id
    resources: str  # the resources of one of the search's trials, as JSON
    most: int  # how many trials may run at once; 0 for as many as fit

    def room(self, nodes: list[Node]) -> int:
        """How many of the search's trials would fit on `nodes` if no other search ran there; at least one."""
        return max(1, slots_on(ResourcesConfig.model_validate_json(self.resources), nodes))


@dataclass(frozen=True)
class Share:
    """One search's share of the cluster."""

    slots: int  # trials at once, at least one: if no slot is free, the search has a trial waiting in Ray's queue
    crowded: bool  # whether there are more searches than slots, so that workers end after every trial


def share_of(mine: Claim, claims: Sequence[Claim], nodes: list[Node]) -> Share:
    """The share of the search with the claim `mine`. Shares are equal, but none is larger than its search can use."""
    ordered = sorted({*claims, mine})
    room = {claim: claim.room(nodes) for claim in ordered}
    parts = _equal_parts([min(1.0, (claim.most or room[claim]) / room[claim]) for claim in ordered])
    place = ordered.index(mine)
    # parts lie side by side on the cluster, and are rounded at their ends: what one part loses, the next part gets
    begins = sum(parts[:place])
    slots = int((begins + parts[place]) * room[mine] + 1e-9) - int(begins * room[mine] + 1e-9)
    return Share(max(1, slots), crowded=len(ordered) > 1 and any(len(ordered) > room[claim] for claim in ordered))


def _equal_parts(most: Sequence[float]) -> list[float]:
    """Divide 1 into equal parts, one for each number in `most`, and none larger than its number.

    What a part cannot use is divided among the other parts. A rest is left over if no part can use it.
    """
    parts, left = [0.0] * len(most), 1.0
    waiting = sorted(range(len(most)), key=lambda one: most[one])
    while waiting:
        one = waiting.pop(0)
        parts[one] = min(most[one], left / (len(waiting) + 1))
        left -= parts[one]
    return parts


@contextmanager
def announced(spec: SearchSpec, search: str) -> Iterator[Callable[[list[Node]], Share]]:
    """Announce this search to the others within the block. Yields a function from the cluster's nodes to its share.

    search: the search's id.
    """
    mine = Claim(time.time(), search, spec.resources.model_dump_json(), spec.search.max_concurrent or 0)
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    sign = _Sign.options(  # type: ignore[attr-defined]  # `options` comes from @ray.remote
        name=json.dumps(asdict(mine)), namespace=NAMESPACE, scheduling_strategy=here
    ).remote()
    others = _Others()
    try:
        yield lambda nodes: share_of(mine, others(), nodes)
    finally:
        ray.kill(sign)


@ray.remote(num_cpus=0)
class _Sign:
    """An actor that does nothing: its name holds a claim, and it lives as long as its search's driver."""


class _Others:
    """Returns, when called, the claims of all running searches. Asks Ray at most every five seconds."""

    def __init__(self) -> None:
        self._claims: list[Claim] = []
        self._looked = 0.0

    def __call__(self) -> list[Claim]:
        if time.monotonic() - self._looked > LOOK_SECONDS or not self._looked:
            self._looked = time.monotonic()
            self._claims = claims_in(list_named_actors(all_namespaces=True))
        return self._claims


def claims_in(actors: Sequence[dict[str, Any]]) -> list[Claim]:
    """The claims in the names of `actors`, as `list_named_actors` lists them. Names in another format are ignored."""
    found = []
    for actor in actors:
        if actor["namespace"] == NAMESPACE:
            try:
                claim = Claim(**json.loads(actor["name"]))
                ResourcesConfig.model_validate_json(claim.resources)
            except (ValueError, TypeError):
                continue
            found.append(claim)
    return found
