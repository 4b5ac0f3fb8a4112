"""The coordinates of a trial's values for the model of learning curves, and small moves between values.

A number's coordinate is its place in its range, from 0 to 1, on the range's own scale. Zero of a `zero_or` range lies
apart, at ZERO: it is near the range's low end in what it does, and is no part of the range. A choice has a coordinate
for each of its values, 1 for that which it has and 0 for the others. A field that the trial's loss does not use is in
the middle, which no other trial of that loss differs from.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from search.algorithms.curve_model import Array
from search.algorithms.told import Space
from search.journal.history import Value
from spaces.ranges import Choice, Range, ZeroOr, same

ZERO = -0.3
MIDDLE = 0.5
STAYS, REDRAWN = 0.4, 0.1  # the chance that a field keeps its value in a move, and that zero or a choice is drawn anew


def places_of(space: Space, some: Sequence[Mapping[str, Value]]) -> Array:
    """The coordinates [N, D] of several trials' values."""
    places = [[coordinate for path in space for coordinate in _of(space[path], one.get(path))] for one in some]
    return np.asarray(places, dtype=np.float64).reshape(len(some), sum(_width(range_) for range_ in space.values()))


def moved(space: Space, values: Mapping[str, Value], step: float, draws: np.random.Generator) -> dict[str, Value]:
    """The values after a random move: each field stays, or moves by about `step` of its range.

    `values` has all fields of the space.
    """
    after = dict(values)
    for path, range_ in space.items():
        draw = draws.random()
        if draw < STAYS:
            continue
        value, of_zero = values[path], isinstance(range_, ZeroOr)
        if isinstance(range_, Choice) or (of_zero and value == 0):
            after[path] = range_.sample(draws) if draw < STAYS + REDRAWN else value
        elif of_zero and draw < STAYS + REDRAWN:
            after[path] = range_.sample(draws)
        else:
            inner = range_.range if isinstance(range_, ZeroOr) else range_
            after[path] = inner.from_unit(min(max(inner.to_unit(value) + step * draws.standard_normal(), 0.0), 1.0))
    return after


def _of(range_: Range, value: Value | None) -> list[float]:
    if isinstance(range_, Choice):
        return [MIDDLE if value is None else float(same(value, one)) for one in range_.values]
    if value is None:
        return [MIDDLE]
    if isinstance(range_, ZeroOr):
        return [ZERO if value == 0 else range_.range.to_unit(value)]
    return [range_.to_unit(value)]


def _width(range_: Range) -> int:
    return len(range_.values) if isinstance(range_, Choice) else 1
