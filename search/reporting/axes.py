"""Axes over the ranges of a space: every range as [0, 1], with ticks that read as its real values.

The zero of a `zero_or` has a slot of its own, and a log range is drawn on a logarithmic scale. Scatter plots and
parallel coordinates use the same axes.
"""

import math
from typing import Any

from search.journal.labels import short
from search.reporting.context import words
from spaces.ranges import Choice, IntUniform, LogUniform, Range, Uniform, Value, ZeroOr

CROWDED = 0.08  # share of the axis: closer labels would touch
LONG = 28  # after a name of more letters, "(log)" stands on a line of its own
PADDING = 0.04  # share of the axis beyond its ends, so that marks there are not cut


def place(range_: Range, value: Value) -> float | None:
    """A value's position on the axis, from 0 to 1. A number outside the range is at the nearest end.

    None for a choice that the range does not have.
    """
    if isinstance(range_, Choice) and not range_.contains(value):
        return None
    return round(range_.to_unit(value), 4)


def ticks(range_: Range) -> list[tuple[float, str]]:
    """The ticks of a range's axis as pairs of position (0 to 1) and label, from low to high."""
    if isinstance(range_, ZeroOr):
        inside = [(range_.share + (1 - range_.share) * at, label) for at, label in ticks(range_.range)]
        return [(range_.share / 2, "0"), *inside]
    values = _round_values(range_)
    if isinstance(range_, Uniform | LogUniform):  # an end without a round value at or near it
        for end in (range_.low, range_.high):
            if all(abs(range_.to_unit(end) - range_.to_unit(value)) > CROWDED for value in values):
                values.append(end)
    return sorted((range_.to_unit(value), short(value)) for value in values)


def is_log(range_: Range) -> bool:
    """Whether the values, apart from a zero, are on a logarithmic scale."""
    return isinstance(range_.range if isinstance(range_, ZeroOr) else range_, LogUniform)


def axis(path: str, range_: Range) -> dict[str, Any]:
    """The settings of a plotly axis over the searched field `path`."""
    places, labels = zip(*ticks(range_), strict=True)
    return {
        "title": {"text": _title(path, range_)},
        "range": [-PADDING, 1 + PADDING],
        "tickvals": places,
        "ticktext": labels,
    }


def _title(path: str, range_: Range) -> str:
    """A field's name, with "(log)" if its axis is logarithmic. A long title has two lines, as a figure is narrow."""
    name = words(path)
    return name + (("<br>(log)" if len(name) > LONG else " (log)") if is_log(range_) else "")


def zero_line(range_: Range, letter: str) -> list[dict[str, Any]]:
    """The plotly shapes for the line that separates zero from the other values of a `zero_or`; none for other ranges.

    `letter` is the range's axis, x or y.
    """
    if not isinstance(range_, ZeroOr):
        return []
    other = "y" if letter == "x" else "x"
    return [
        {
            "type": "line",
            f"{letter}0": range_.share,
            f"{letter}1": range_.share,
            f"{other}0": 0,
            f"{other}1": 1,
            f"{other}ref": "paper",
            "line": {"dash": "dot", "width": 1},
        }
    ]


def _round_values(range_: Uniform | LogUniform | IntUniform | Choice) -> list[Value]:
    """A few values of the range that are easy to read, for ticks. For a choice they are all its values."""
    if isinstance(range_, Choice):
        return list(range_.values)
    if isinstance(range_, IntUniform):
        return range_.points(5)
    if isinstance(range_, LogUniform):
        for digits in ((1,), (1, 3), (1, 2, 5)):
            if len(found := _decades(range_, digits)) >= 3:
                return list(found[:: math.ceil(len(found) / 6)])
        return [range_.low, range_.high]  # the ends are so close that few round values are between them
    span = range_.high - range_.low
    magnitude = 10.0 ** math.floor(math.log10(span))
    step = next(step for share in (0.2, 0.5, 1, 2) if span / (step := share * magnitude) <= 6)
    first = math.ceil(range_.low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(range_.high / step + 1e-9) + 1)]


def _decades(range_: LogUniform, digits: tuple[int, ...]) -> list[float]:
    exponents = range(math.floor(math.log10(range_.low)), math.ceil(math.log10(range_.high)) + 1)
    values = (digit * 10.0**exponent for exponent in exponents for digit in digits)
    return [value for value in values if range_.low * (1 - 1e-9) <= value <= range_.high * (1 + 1e-9)]
