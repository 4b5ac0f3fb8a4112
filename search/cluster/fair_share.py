"""Searches on one cluster share it in equal parts, without a server that would see to it.

Each running search is announced by a named Ray actor that dies with its driver, and each reads the others' names. All
reckon the same shares from the same names. What runs is never taken away: a search that has more than its share gives
up a slot when the trial on it has ended.
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
    """What a running search asks of the cluster."""

    since: float
    search: str  # its id
    resources: str  # what a trial of its takes, as JSON
    most: int  # trials at once; 0 for as many as there is room

    def room(self, nodes: list[Node]) -> int:
        """How many of its trials the cluster would hold, were it alone and without a bound; at least one."""
        return max(1, slots_on(ResourcesConfig.model_validate_json(self.resources), nodes))


@dataclass(frozen=True)
class Share:
    """What one search has of the cluster."""

    slots: int  # at least one: a search waits for its turn with a trial in Ray's queue
    crowded: bool  # more searches than places: workers go back to Ray after every trial


def share_of(mine: Claim, claims: Sequence[Claim], nodes: list[Node]) -> Share:
    """The search's share: an equal part for each, of which nobody gets more than it can use."""
    ordered = sorted({*claims, mine})
    room = {claim: claim.room(nodes) for claim in ordered}
    parts = _equal_parts([min(1.0, (claim.most or room[claim]) / room[claim]) for claim in ordered])
    place = ordered.index(mine)
    # by where its part lies on the whole cluster, so that what rounding leaves of one part goes to the next
    begins = sum(parts[:place])
    slots = int((begins + parts[place]) * room[mine] + 1e-9) - int(begins * room[mine] + 1e-9)
    return Share(max(1, slots), crowded=len(ordered) > 1 and any(len(ordered) > room[claim] for claim in ordered))


def _equal_parts(most: Sequence[float]) -> list[float]:
    """Parts of 1 that are equal but for those that cannot use so much, whose rest goes to the others."""
    parts, left = [0.0] * len(most), 1.0
    waiting = sorted(range(len(most)), key=lambda one: most[one])
    while waiting:
        one = waiting.pop(0)
        parts[one] = min(most[one], left / (len(waiting) + 1))
        left -= parts[one]
    return parts


@contextmanager
def announced(spec: SearchSpec, search: str) -> Iterator[Callable[[list[Node]], Share]]:
    """Let the other searches on the cluster know of this one inside; what is yielded tells its share on the nodes."""
    mine = Claim(time.time(), search, spec.resources.model_dump_json(), spec.search.max_concurrent or 0)
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    sign = _Sign.options(  # type: ignore[attr-defined]  # which @ray.remote gives it
        name=json.dumps(asdict(mine)), namespace=NAMESPACE, scheduling_strategy=here
    ).remote()
    others = _Others()
    try:
        yield lambda nodes: share_of(mine, others(), nodes)
    finally:
        ray.kill(sign)


@ray.remote(num_cpus=0)
class _Sign:
    """Has a name, and lives as long as its search's driver."""


class _Others:
    """The claims of all searches that run, asked for at most every five seconds."""

    def __init__(self) -> None:
        self._claims: list[Claim] = []
        self._looked = 0.0

    def __call__(self) -> list[Claim]:
        if time.monotonic() - self._looked > LOOK_SECONDS or not self._looked:
            self._looked = time.monotonic()
            self._claims = claims_in(list_named_actors(all_namespaces=True))
        return self._claims


def claims_in(actors: Sequence[dict[str, Any]]) -> list[Claim]:
    """The claims among the names of actors; those that another version of this code wrote otherwise do not count."""
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
