"""The searched space of learning curves, and what every set of curves can say: numpy and Ray are not needed here."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Regime = Literal["900:100", "980:20"]
Score = Literal["probe", "min", "eff", "soft"]
Values = Mapping[str, float]
Kind = Literal["zero_or_loguniform", "zero_or_uniform", "loguniform"]

ZERO = 0.25  # the share of zero in a field that may be zero, as the product has it
EPOCHS = 16  # of a whole trial


class CurveFailed(Exception):  # an event of a simulated trial, and no error of ours
    """The trial fails in this epoch, as its values would make it every time."""


@dataclass(frozen=True)
class Field:
    """One searched field: a range of numbers above 0, and zero itself where the kind says so."""

    kind: Kind
    low: float
    high: float

    @property
    def may_be_zero(self) -> bool:
        """Whether zero is one of its values."""
        return self.kind != "loguniform"

    def to_unit(self, value: float) -> float:
        """Where a value lies in [0, 1]; zero is the middle of the first quarter."""
        if self.may_be_zero:
            return ZERO / 2 if value == 0 else ZERO + (1 - ZERO) * self.place(value)
        return self.place(value)

    def from_unit(self, unit: float) -> float:
        """The value at a place in [0, 1]."""
        if self.may_be_zero:
            if unit < ZERO:
                return 0.0
            unit = (unit - ZERO) / (1 - ZERO)
        unit = min(max(unit, 0.0), 1.0)
        if self.kind == "zero_or_uniform":
            return self.low + unit * (self.high - self.low)
        return float(min(self.high, self.low * (self.high / self.low) ** unit))

    def place(self, value: float) -> float:
        """Where a value above 0 lies between low (0) and high (1)."""
        inside = min(max(value, self.low), self.high)
        if self.kind == "zero_or_uniform":
            return (inside - self.low) / (self.high - self.low)
        return math.log(inside / self.low) / math.log(self.high / self.low)


SPACE: dict[str, Field] = {  # of spaces/demo.yaml
    "loss.eta": Field("zero_or_loguniform", 1.0, 300.0),
    "loss.gamma": Field("zero_or_uniform", 0.5, 10.0),
    "loss.temperature": Field("loguniform", 0.03, 1.0),
    "representation.lr": Field("loguniform", 3e-4, 3e-2),
}


class Curves(Protocol):
    """Learning curves of trials, and the truth that a search does not see."""

    space: Mapping[str, Field]
    epochs: int
    best: float  # the largest truth there is

    def value(self, values: Values, trial: int, epoch: int) -> float:
        """The validation score at the end of an epoch from 1. Raises CurveFailed where the trial fails."""

    def seconds(self, values: Values, epoch: int) -> float:
        """How long that epoch takes."""

    def truth(self, values: Values) -> float:
        """The expected test score of the whole trial."""


def epoch_seconds(epoch: int, epochs: int) -> float:
    """How long an epoch takes on two cores: the first with the trial's start, the last with the classifier."""
    return 0.65 + (0.33 if epoch == 1 else 0.35 if epoch == epochs else 0.0)
