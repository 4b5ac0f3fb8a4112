"""The grid over a space: how many points it has, and which a search tries. Needs no sampler, nor its seconds to import.

A search that has a trial for every point tries them in their order. One that has fewer tries a part of the grid that
fills the space: the points nearest to those of a scrambled Sobol sequence (Owen 1998, J. Complexity 14:466), whose
first points leave no large part of the space empty. The sequence depends on the seed alone, so a search that is
extended goes on with the rest of it.
"""

import itertools
import math
import warnings
from collections.abc import Iterator, Mapping

from search.journal.history import Value
from spaces.ranges import Range

Space = Mapping[str, Range]
SOBOL_POINTS = 2**16  # of a grid so large that more would take seconds


def grid_size(space: Space, points: int) -> int:
    """How many points the grid has."""
    return math.prod(len(range_.points(points)) for range_ in space.values())


def grid_points(space: Space, points: int, trials: int, seed: int) -> Iterator[dict[str, Value]]:
    """The points that a search of so many trials tries, in turn, and then the rest of the grid.

    Args:
        space: the searched fields by path.
        points: how many values each range has.
        trials: how many points the search has trials for.
        seed: of the search; it decides which part is tried where the grid has more points than that.
    """
    axes = [range_.points(points) for range_ in space.values()]
    whole = trials >= grid_size(space, points)
    places = itertools.product(*(range(len(axis)) for axis in axes)) if whole else _spread(axes, seed)
    for place in places:
        yield {path: axis[k] for path, axis, k in zip(space, axes, place, strict=True)}


def _spread(axes: list[list[Value]], seed: int) -> Iterator[tuple[int, ...]]:
    """Every place of the grid once: first those that a Sobol sequence meets, then what is left, the last axis first."""
    import numpy as np
    from scipy.stats import qmc  # half a second, which the searches of other samplers do without

    lengths = np.array([len(axis) for axis in axes])
    count = min(4 * math.prod(lengths.tolist()), SOBOL_POINTS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a count that is no power of 2 is less even, and good enough
        drawn = qmc.Sobol(len(axes), rng=np.random.default_rng(seed)).random(count)
    met: set[tuple[int, ...]] = set()
    for point in drawn:
        place = tuple(np.minimum((point * lengths).astype(int), lengths - 1).tolist())
        if place not in met:
            met.add(place)
            yield place
    yield from (place for place in itertools.product(*map(range, lengths.tolist())) if place not in met)
