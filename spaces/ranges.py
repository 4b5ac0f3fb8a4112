"""The ranges of searched fields: each draws values, maps them to [0, 1], and describes itself.

`to_unit` maps a value to one coordinate in [0, 1], and `from_unit` maps it back: for samplers that need a fixed space
and for the axes of plots. `to_unit` maps a number outside the range to the nearest end, because a baseline
may lie outside the range. A Choice has no nearest end: its `to_unit` raises ValueError instead.
"""

import math
import re
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeGuard

import numpy as np

from trainers.errors import InputError
from trainers.wording import shown

Value: TypeAlias = float | int | str | bool
Edge: TypeAlias = Literal["low", "high"] | None

# YAML 1.1 readers (not our own) read 1e-3, without a dot, as text; in a range it means the number
NUMBER_WITHOUT_A_DOT = re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+")
LARGEST_INT = 2**53  # a float represents every whole number up to this one exactly


@dataclass(frozen=True, slots=True)
class Uniform:
    """A real number from `low` to `high`, drawn uniformly."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_ends(self.low, self.high)

    def sample(self, rng: np.random.Generator) -> float:
        """Draw a value."""
        return self.from_unit(rng.random())

    def contains(self, value: object) -> bool:
        """Whether `value` lies in the range, ends included."""
        return is_number(value) and self.low <= value <= self.high

    def near_edge(self, value: Value, margin: float = 0.05) -> Edge:
        """The end of the range that `value` is beyond or close to; None if it is close to neither.

        Close means within the share `margin` of the range's width.
        """
        return _edge(self.to_unit(value), margin)

    def to_unit(self, value: Value) -> float:
        """Where `value` lies in the range, from 0 (low) to 1 (high)."""
        return _clamp((float(value) - self.low) / (self.high - self.low), 0.0, 1.0)

    def from_unit(self, unit: float) -> float:
        """The value at the coordinate `unit`; exactly `low` at 0 and `high` at 1."""
        return float(self.high if unit >= 1 else _clamp(self.low + unit * (self.high - self.low), self.low, self.high))

    def points(self, count: int) -> list[Value]:
        """`count` values at equal distances, ends included; the middle if `count` is 1."""
        return [self.from_unit(unit) for unit in _units(count)]

    def describe(self) -> str:
        """The range in a few words."""
        return f"{self.low:g} … {self.high:g}"

    def as_yaml(self) -> dict[str, Any]:
        """The range as a spec writes it."""
        return {"uniform": [float(self.low), float(self.high)]}


@dataclass(frozen=True, slots=True)
class LogUniform:
    """A positive real number from `low` to `high`, drawn uniformly on a logarithmic scale."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_ends(self.low, self.high, positive="loguniform")
        if not 1 < self.high / self.low < math.inf:  # ends so close or so far apart that their ratio cannot be computed
            raise InputError(
                f"high / low must be above 1 and finite, but got low={shown(self.low)}, high={shown(self.high)}"
            )

    def sample(self, rng: np.random.Generator) -> float:
        """Draw a value."""
        return self.from_unit(rng.random())

    def contains(self, value: object) -> bool:
        """Whether `value` lies in the range, ends included."""
        return is_number(value) and self.low <= value <= self.high

    def near_edge(self, value: Value, margin: float = 0.05) -> Edge:
        """As `Uniform.near_edge`, with `margin` a share of the range's width on the log scale."""
        return _edge(self.to_unit(value), margin)

    def to_unit(self, value: Value) -> float:
        """Where `value` lies on the log scale, from 0 (low) to 1 (high)."""
        inside = _clamp(float(value), self.low, self.high)
        return math.log(inside / self.low) / math.log(self.high / self.low)

    def from_unit(self, unit: float) -> float:
        """The value at the coordinate `unit`; exactly `low` at 0 and `high` at 1."""
        if unit >= 1:
            return float(self.high)
        return float(_clamp(self.low * (self.high / self.low) ** unit, self.low, self.high))

    def points(self, count: int) -> list[Value]:
        """`count` values, ends included, each by the same factor above the last; the geometric mean if `count` is 1."""
        return [self.from_unit(unit) for unit in _units(count)]

    def describe(self) -> str:
        """The range in a few words."""
        return f"{self.low:g} … {self.high:g} (log)"

    def as_yaml(self) -> dict[str, Any]:
        """The range as a spec writes it."""
        return {"loguniform": [float(self.low), float(self.high)]}


@dataclass(frozen=True, slots=True)
class IntUniform:
    """A whole number from `low` to `high`, both included, each equally likely."""

    low: int
    high: int

    def __post_init__(self) -> None:
        _check_ends(self.low, self.high)
        for end in (self.low, self.high):
            if not isinstance(end, int) or abs(end) > LARGEST_INT:
                raise InputError(f"low and high must be whole numbers up to 2**53, but got {shown(end)}")

    def sample(self, rng: np.random.Generator) -> int:
        """Draw a value."""
        return int(rng.integers(self.low, self.high, endpoint=True))

    def contains(self, value: object) -> bool:
        """Whether `value` is one of the whole numbers; 2.0 counts as 2."""
        return is_number(value) and self.low <= value <= self.high and float(value).is_integer()

    def near_edge(self, value: Value, margin: float = 0.05) -> Edge:
        """The end of the range that `value` is beyond or close to; None if it is close to neither.

        Close means within the share `margin` of the range's width.
        """
        return _edge((float(value) - self.low) / (self.high - self.low), margin)

    def to_unit(self, value: Value) -> float:
        """The middle of the slice of [0, 1] that stands for `value`: one slice of equal size per number."""
        inside = _clamp(float(value), self.low, self.high)
        return (inside - self.low + 0.5) / (self.high - self.low + 1)

    def from_unit(self, unit: float) -> int:
        """The number in whose slice `unit` lies."""
        return int(_clamp(self.low + math.floor(unit * (self.high - self.low + 1)), self.low, self.high))

    def points(self, count: int) -> list[Value]:
        """At most `count` different whole numbers at nearly equal distances, ends included; the middle for 1."""
        span = self.high - self.low
        return list(dict.fromkeys(self.low + round(unit * span) for unit in _units(min(count, span + 1))))

    def describe(self) -> str:
        """The range in a few words."""
        return f"{self.low} … {self.high} (whole)"

    def as_yaml(self) -> dict[str, Any]:
        """The range as a spec writes it."""
        return {"intuniform": [self.low, self.high]}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few values, each equally likely."""

    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if len(self.values) < 2:
            raise InputError(
                f"choice needs 2 values or more (one alone is no choice), but got {shown(list(self.values))}"
            )
        for place, value in enumerate(self.values):
            if not is_number(value) and not isinstance(value, str | bool):
                raise InputError(f"a choice must be a finite number, a word, true or false, but got {shown(value)}")
            if isinstance(value, str) and NUMBER_WITHOUT_A_DOT.fullmatch(value):  # a spec would read it as the number
                raise InputError(f"a choice must be a number or a word, but got the text {shown(value)}")
            if any(same(value, earlier) for earlier in self.values[:place]):
                raise InputError(f"choices must differ from each other, but got {shown(value)} twice")

    def sample(self, rng: np.random.Generator) -> Value:
        """Draw a value."""
        return self.values[int(rng.integers(len(self.values)))]

    def contains(self, value: object) -> bool:
        """Whether `value` is one of the choices."""
        return any(same(value, one) for one in self.values)

    def near_edge(self, value: Value, margin: float = 0.05) -> Edge:
        """Low if `value` is the smallest choice, high if it is the largest; else None.

        None also if a choice or `value` is no number, or if there are only two choices, because each would be an end.
        `margin` has no effect.
        """
        if len(self.values) < 3 or not all(is_number(one) for one in (*self.values, value)):
            return None
        smallest, largest = self.smallest_and_largest()
        return "low" if value == smallest else "high" if value == largest else None

    def smallest_and_largest(self) -> tuple[Value, Value]:
        """The smallest and the largest choice; all choices must be numbers."""
        ordered = sorted(self.values, key=float)
        return ordered[0], ordered[-1]

    def to_unit(self, value: Value) -> float:
        """The middle of the slice of [0, 1] that stands for `value`.

        Raises ValueError if `value` is not one of the choices.
        """
        for place, one in enumerate(self.values):
            if same(value, one):
                return (place + 0.5) / len(self.values)
        raise ValueError(f"{value!r} is none of {self.describe()}")

    def from_unit(self, unit: float) -> Value:
        """The choice in whose slice `unit` lies."""
        return self.values[int(_clamp(math.floor(unit * len(self.values)), 0, len(self.values) - 1))]

    def points(self, count: int) -> list[Value]:
        """All choices, whatever `count` is."""
        return list(self.values)

    def describe(self) -> str:
        """The range in a few words."""
        return ", ".join(f"{one:g}" if isinstance(one, float) else shown(one).strip("'") for one in self.values)

    def as_yaml(self) -> dict[str, Any]:
        """The range as a spec writes it."""
        return {"choice": list(self.values)}


@dataclass(frozen=True, slots=True)
class ZeroOr:
    """Exactly 0 with probability `share`, else a value of the inner range `range`, whose values are above 0.

    With such ranges of η and γ, one space holds the corners of the loss family (CL, FCL, ACL) as well as its interior
    (AFCL). On the coordinate in [0, 1], everything below `share` stands for zero.
    """

    range: Uniform | LogUniform | IntUniform
    share: float = 0.25

    def __post_init__(self) -> None:
        if not isinstance(self.range, Uniform | LogUniform | IntUniform):
            kind = kind_of(self.range) if isinstance(self.range, Range) else shown(self.range)
            raise InputError(f"zero_or takes uniform, loguniform or intuniform, but got {kind}")
        if not self.range.low > 0:
            raise InputError(
                f"low > 0 must hold inside zero_or, which adds the zero, but got low={shown(self.range.low)}"
            )
        if not (is_number(self.share) and 0 < self.share < 1):
            raise InputError(f"share must lie between 0 and 1, but got {shown(self.share)}")

    @property
    def zero(self) -> float:
        """0 in the type of the inner range: int or float."""
        return 0 if isinstance(self.range, IntUniform) else 0.0

    def sample(self, rng: np.random.Generator) -> float:
        """Draw a value."""
        return self.zero if rng.random() < self.share else self.range.sample(rng)

    def contains(self, value: object) -> bool:
        """Whether `value` is zero or lies in the inner range."""
        return (is_number(value) and value == 0) or self.range.contains(value)

    def near_edge(self, value: Value, margin: float = 0.05) -> Edge:
        """The end of the inner range that `value` is beyond or close to; else None. Zero is no end."""
        return None if value == 0 else self.range.near_edge(value, margin)

    def to_unit(self, value: Value) -> float:
        """share / 2 for zero; other values are mapped to the rest of [0, 1], from `share` to 1."""
        return self.share / 2 if value == 0 else self.share + (1 - self.share) * self.range.to_unit(value)

    def from_unit(self, unit: float) -> float:
        """Zero if `unit` is below `share`, else a value of the inner range."""
        return self.zero if unit < self.share else self.range.from_unit((unit - self.share) / (1 - self.share))

    def points(self, count: int) -> list[Value]:
        """Zero, then the inner range's `points` for `count` - 1, or for 1 if `count` is 1."""
        return [self.zero, *self.range.points(max(1, count - 1))]

    def describe(self) -> str:
        """The range in a few words."""
        return f"0 or {self.range.describe()}"

    def as_yaml(self) -> dict[str, Any]:
        """The range as a spec writes it."""
        return {"zero_or": self.range.as_yaml(), "share": float(self.share)}


Range: TypeAlias = Uniform | LogUniform | IntUniform | Choice | ZeroOr


def kind_of(given: Range) -> str:
    """The word by which a spec names this kind of range, such as loguniform."""
    return next(iter(given.as_yaml()))


def is_number(value: object) -> TypeGuard[float]:
    """Whether `value` is a finite number; true and false are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an int too large for a float
        return False


def _check_ends(low: object, high: object, *, positive: str = "") -> None:
    if not is_number(low):
        raise InputError(f"low must be a finite number, but got {shown(low)}")
    if not is_number(high):
        raise InputError(f"high must be a finite number, but got {shown(high)}")
    if positive and low <= 0:
        hint = ""
        if low == 0 and high > 0:
            hint = f"; for zero as well, write {{zero_or: {{loguniform: [{min(1, high / 100):g}, {high:g}]}}}}"
        raise InputError(f"low > 0 must hold for {positive}, but got low={shown(low)}{hint}")
    if not low < high:
        raise InputError(f"low < high must hold, but got low={shown(low)}, high={shown(high)}")


def same(one: object, other: object) -> bool:
    """Whether two values are equal; true is not the same as 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _units(count: int) -> list[float]:
    return [0.5] if count == 1 else [place / (count - 1) for place in range(count)]


def _edge(unit: float, margin: float) -> Edge:
    return "low" if unit <= margin else "high" if unit >= 1 - margin else None
