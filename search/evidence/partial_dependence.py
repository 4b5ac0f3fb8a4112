"""How the score depends on one field, with the other fields as they were in the finished trials (Friedman 2001).

Random forests are fitted to the scores of finished trials, each to a sample drawn with replacement. For a value of the
field, a forest predicts the score of every trial with that value put in; the mean of these predictions is the forest's
estimate. The curve is the mean of all forests' estimates, and the band holds the middle 80 % of them. A wide band says
that the curve depends on which trials happened to run. If trials are few, a forest's curve is flat and the band says
little. Only finished trials count, and ASHA chose which trials finish.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST = 20  # the fewest finished trials from which curves are computed
FORESTS, TREES, LEAF = 15, 25, 2  # forests, trees in each, and the fewest trials in a leaf
MOST = 400  # the most trials that the forests see; of more, a sample is drawn
POINTS = 17  # the most points of a curve
INNER = (0.1, 0.9)  # quantiles of the band

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Dependence:
    """One field's curve: at each value in `places` the estimated score `mean`, and the band from `low` to `high`."""

    places: tuple[float, ...]  # values of the field, in [0, 1] on its own scale
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    trials: int  # how many trials the forests saw


def partial_dependence(
    values: Floats, scores: Floats, grids: Sequence[Sequence[float]], *, seed: int
) -> list[Dependence]:
    """The curve of each field, in the order of `grids`.

    Args:
        values: [N, D], the trials' values, each in [0, 1] on its field's own scale. N is at least `FEWEST`.
        scores: [N], the trials' scores.
        grids: for each field, the places of its curve; see `grid_of`.
        seed: the seed of the draws of trials. The same seed gives the same curves.
    """
    from sklearn.ensemble import RandomForestRegressor  # imported only here: it takes a second

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
    """The places of a field's curve: its different values, or `POINTS` evenly spaced places if it has more values.

    Args:
        column: [N], the field's value in each trial.
    """
    there = np.unique(column)
    if len(there) <= POINTS:
        return [float(value) for value in there]
    return [float(value) for value in np.linspace(there[0], there[-1], POINTS)]


def _plain(line: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in line)


def _with(values: Floats, field: int, place: float) -> Floats:
    """A copy of `values` in which every trial has the value `place` of one field."""
    changed: Floats = values.copy()
    changed[:, field] = place
    return changed
