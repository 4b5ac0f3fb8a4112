"""The grid over a space: how many points it has, and which they are. Needs no sampler, nor its seconds to import."""

import itertools
from collections.abc import Mapping

from search.journal.history import Value
from spaces.ranges import Range

Space = Mapping[str, Range]


def grid_size(space: Space, points: int) -> int:
    """How many points the grid has."""
    size = 1
    for range_ in space.values():
        size *= len(range_.points(points))
    return size


def grid_point(space: Space, points: int, index: int) -> dict[str, Value]:
    """The grid's point `index`, the last path moving fastest."""
    axes = [range_.points(points) for range_ in space.values()]
    chosen = next(itertools.islice(itertools.product(*axes), index, None))
    return dict(zip(space, chosen, strict=True))
