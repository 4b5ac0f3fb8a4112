"""The grid over a space: its size, and which points a search tries.

A search with a trial for every point tries the points in order. A search with fewer trials tries a part of the grid
that fills the space: the points nearest to those of a scrambled Sobol sequence (Owen 1998, J. Complexity 14:466), whose
first points leave no large part of the space empty. The sequence depends only on the seed, so an extended search
continues it.
"""

import itertools
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from search.algorithms.told import Space, Told
from search.journal.history import Value
from spaces.sections import SearchConfig

SOBOL_POINTS = 2**16  # limit for large grids: more would take seconds


def propose(
    space: Space,
    told: Sequence[Told],
    *,
    seed: int,
    search: SearchConfig,
    tried: Sequence[Mapping[str, Value]],
    memory: dict[str, Any],
) -> dict[str, Value]:
    """The first point of the grid that no trial had. See `search.algorithms.samplers.Sampler`.

    The order of the points depends on the search's seed, not on `seed`, which is another one for each trial.
    """
    if "walk" not in memory:
        memory["walk"] = walk_of(space, search)
    walk: GridWalk = memory["walk"]
    return walk.next_point(tried)


def walk_of(space: Space, search: SearchConfig) -> "GridWalk":
    """The order in which a search on a grid tries its points."""
    return GridWalk(space, search.grid_points, search.trials, search.seed, search.first)


def grid_size(space: Space, points: int) -> int:
    """The number of points of the grid."""
    return math.prod(len(range_.points(points)) for range_ in space.values())


def grid_points(space: Space, points: int, trials: int, seed: int) -> Iterator[dict[str, Value]]:
    """The points that a search of `trials` trials tries, in order, and then the rest of the grid.

    Args:
        space: the searched fields by path.
        points: how many values each range has.
        trials: how many points the search has trials for.
        seed: of the search; it decides which part is tried if the grid has more points than `trials`.
    """
    axes = [range_.points(points) for range_ in space.values()]
    whole = trials >= grid_size(space, points)
    places = itertools.product(*(range(len(axis)) for axis in axes)) if whole else _spread(axes, seed)
    for place in places:
        yield {path: axis[k] for path, axis, k in zip(space, axes, place, strict=True)}


def _spread(axes: list[list[Value]], seed: int) -> Iterator[tuple[int, ...]]:
    """Every place of the grid once: first those nearest to a Sobol sequence, then the rest, last axis fastest."""
    import numpy as np
    from scipy.stats import qmc  # imported only here: it takes half a second

    lengths = np.array([len(axis) for axis in axes])
    count = min(4 * math.prod(lengths.tolist()), SOBOL_POINTS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a count that is not a power of 2 is less even, but good enough
        drawn = qmc.Sobol(len(axes), rng=np.random.default_rng(seed)).random(count)
    met: set[tuple[int, ...]] = set()
    for point in drawn:
        place = tuple(np.minimum((point * lengths).astype(int), lengths - 1).tolist())
        if place not in met:
            met.add(place)
            yield place
    yield from (place for place in itertools.product(*map(range, lengths.tolist())) if place not in met)


class GridWalk:
    """The points that a search on a grid tries, with the user's first guesses before them.

    A guess that leaves fields out becomes the first point that agrees with it and that no earlier guess took. A guess
    stays off the grid only if one of its values is not on the grid, or if it repeats another guess.

    Args:
        space: the searched fields by path.
        points: how many values each range has.
        trials: how many trials are proposed, guesses included.
        seed: of the search.
        first: the guesses.
    """

    def __init__(
        self, space: Space, points: int, trials: int, seed: int, first: Sequence[Mapping[str, Value]] = ()
    ) -> None:
        self._axes = {path: range_.points(points) for path, range_ in space.items()}
        named_off = sum(not self._agrees_with_grid(guess) for guess in first)
        self.whole = grid_size(space, points)
        self._points = partial(grid_points, space, points, trials - named_off, seed)
        self.first = self._completed(first)
        places = [tuple(guess[path] for path in space) for guess in self.first if guess.keys() == space.keys()]
        self.off = len(first) - len(
            {place for place in places if self._is_point(place)}
        )  # guesses that are not a new point
        self._left = self._points()
        self._next: dict[str, Value] | None = None
        self._tried: set[tuple[Value, ...]] = set()
        self._taken = 0  # how many of the tried values are in `_tried`

    def next_point(self, tried: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
        """The first point that no trial had. First guesses may have taken points out of order.

        Args:
            tried: the values of the trials so far. Each call must have those of the previous one, and more.
        """
        self._tried.update(tuple(values.values()) for values in tried[self._taken :])
        self._taken = len(tried)
        while self._next is None or tuple(self._next.values()) in self._tried:
            self._next = next(self._left, None)
            assert self._next is not None, "as many trials are planned as the grid has points"
        return self._next

    def _completed(self, first: Sequence[Mapping[str, Value]]) -> list[dict[str, Value]]:
        made: list[dict[str, Value]] = []
        for guess in first:
            agreeing = (point for point in self._points() if all(point.get(k, v) == v for k, v in guess.items()))
            free = (
                next((point for point in agreeing if point not in made), None)
                if self._agrees_with_grid(guess)
                else None
            )
            made.append((free or next(self._points())) | dict(guess))
        return made

    def _agrees_with_grid(self, guess: Mapping[str, Value]) -> bool:
        return all(path in self._axes and value in self._axes[path] for path, value in guess.items())

    def _is_point(self, place: tuple[Value, ...]) -> bool:
        return all(value in axis for value, axis in zip(place, self._axes.values(), strict=True))
