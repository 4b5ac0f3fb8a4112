"""The ends of a space's ranges. They are tried before a search starts, because a trial might refuse them."""

import itertools
from collections.abc import Iterator, Mapping

from spaces.ranges import Choice, Range, Value, ZeroOr, is_number


def corners(space: Mapping[str, Range]) -> Iterator[dict[str, Value]]:
    """Values by path: each end of each range alone, then all pairs of ends of any two ranges in the same section."""
    for path, one in space.items():
        yield from ({path: value} for value in ends(one))
    for path, other in itertools.combinations(space, 2):
        if path.split(".")[0] == other.split(".")[0]:
            for pair in itertools.product(_few_ends(space[path]), _few_ends(space[other])):
                yield dict(zip((path, other), pair, strict=True))


def ends(one: Range) -> list[Value]:
    """The smallest and largest value of a range. Of a choice, every value; of a `zero_or`, zero as well."""
    if isinstance(one, Choice):
        return list(one.values)
    return [one.zero, *ends(one.range)] if isinstance(one, ZeroOr) else [one.low, one.high]


def _few_ends(one: Range) -> list[Value]:
    """As `ends`, but of a choice of numbers only the smallest and the largest."""
    if isinstance(one, Choice) and all(is_number(value) for value in one.values):
        return list(one.smallest_and_largest())
    return ends(one)
