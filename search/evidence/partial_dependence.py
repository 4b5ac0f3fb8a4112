"""How a score depends on one field, with the others as they were in the finished trials (Friedman 2001).

A random forest is fitted to the finished trials' scores; for each value of the field it predicts the score of every
trial with that value put in, and the mean is the dependence. The band is the middle 80 % over forests that were fitted
to trials drawn with replacement: how much the curve depends on which trials there happen to be. Where few trials are, a
forest is flat and the band says little. It is of trials that finished, which ASHA chose.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST = 20  # finished trials
FORESTS, TREES, LEAF = 15, 25, 2
MOST = 400  # trials that the forests see
POINTS = 17  # of a curve
INNER = (0.1, 0.9)  # quantiles of the band

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Dependence:
    """One field's curve: places in [0, 1] on the field's own scale, and the score there."""

    places: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    trials: int


def partial_dependence(
    values: Floats, scores: Floats, grids: Sequence[Sequence[float]], *, seed: int
) -> list[Dependence]:
    """The dependence on each field.

    Args:
        values: [N, D], the trials' values, each in [0, 1] on its field's own scale. N is at least `FEWEST`.
        scores: [N].
        grids: for each field the places to look at; see `grid_of`.
        seed: of draws and forests: the same gives the same curves.
    """
    from sklearn.ensemble import RandomForestRegressor  # a second

    draws = np.random.default_rng(seed)
    if len(values) > MOST:
        chosen = np.sort(draws.permutation(len(values))[:MOST])
        values, scores = values[chosen], scores[chosen]
    asked = np.concatenate([_with(values, field, place) for field, grid in enumerate(grids) for place in grid])
    curves = []
    for number in range(FORESTS):
        drawn = draws.integers(0, len(values), len(values))
        forest = RandomForestRegressor(TREES, min_samples_leaf=LEAF, random_state=number, n_jobs=1)
        forest.fit(values[drawn], scores[drawn])
        curves.append(forest.predict(asked).reshape(-1, len(values)).mean(axis=1))
    table: Floats = np.array(curves)  # [forests, places of all fields]
    low, high = np.quantile(table, INNER, axis=0)
    found, at = [], 0
    for grid in grids:
        here = slice(at, at + len(grid))
        at += len(grid)
        middle, bottom, top = (_plain(line[here]) for line in (table.mean(axis=0), low, high))
        found.append(Dependence(tuple(grid), middle, bottom, top, len(values)))
    return found


def grid_of(column: Floats) -> list[float]:
    """Where to look at a field: evenly between its lowest and highest value, or at its values if they are few."""
    there = np.unique(column)
    if len(there) <= POINTS:
        return [float(value) for value in there]
    return [float(value) for value in np.linspace(there[0], there[-1], POINTS)]


def _plain(line: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in line)


def _with(values: Floats, field: int, place: float) -> Floats:
    """The trials with one field at the same value."""
    changed: Floats = values.copy()
    changed[:, field] = place
    return changed
