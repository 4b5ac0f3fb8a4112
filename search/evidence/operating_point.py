"""A threshold on the probability of one class for a wanted sensitivity, and the rates of that threshold."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.evidence.wilson import wilson

Probabilities = NDArray[np.float64]  # [N], of one class
Mask = NDArray[np.bool_]  # [N]


@dataclass(frozen=True)
class Share:
    """The share `value` of `right` among `images` images, with its 95 % Wilson interval from `low` to `high`."""

    right: int
    images: int
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, right: int, images: int) -> "Share":
        """The share of `right` among `images` images. `images` is at least 1."""
        return cls(right, images, right / images, *wilson(right / images, images))

    def in_words(self) -> str:
        """The share, its two counts and its interval, as text."""
        return f"{self.value:.4f} ({self.right} of {self.images}; {self.low:.4f} to {self.high:.4f})"


@dataclass(frozen=True)
class Rates:
    """The sensitivity and the specificity of a threshold, on the images of a split.

    Attributes:
        sensitivity: among the images of the class, the share whose probability is at least the threshold.
        specificity: among all other images, the share whose probability is below the threshold.
    """

    sensitivity: Share
    specificity: Share


def choose_threshold(probabilities: Probabilities, is_class: Mask, sensitivity: float) -> float:
    """A threshold that at least a share `sensitivity` of the class's images reaches, and as few other images as can be.

    All numbers between two neighbouring probabilities give the same rates. The threshold lies near their middle,
    because another machine's probabilities may differ in their last digits. It has as few digits as possible, so that
    people can write it down.

    Args:
        probabilities: [N], the probability of the class.
        is_class: [N], true for the images of the class. At least one is true.
        sensitivity: the wanted sensitivity, in (0, 1].
    """
    inside = np.sort(probabilities[is_class])[::-1]
    needed = next(k for k in range(1, len(inside) + 1) if k / len(inside) >= sensitivity)
    reached = float(inside[needed - 1])
    below = probabilities[probabilities < reached]
    return _shortest_in(float(below.max()) if len(below) else 0.0, reached)


def rates_at(threshold: float, probabilities: Probabilities, is_class: Mask) -> Rates:
    """The sensitivity and the specificity of a threshold. For the other arguments see `choose_threshold`."""
    taken = probabilities >= threshold
    return Rates(
        Share.of(int((taken & is_class).sum()), int(is_class.sum())),
        Share.of(int((~taken & ~is_class).sum()), int((~is_class).sum())),
    )


def _shortest_in(low: float, high: float) -> float:
    """The middle of `low` and `high`, rounded to as few significant digits as keep it in the middle half of that range.

    Returns `high` if the range is too narrow for any such number.
    """
    quarter = (high - low) / 4
    for digits in range(1, 18):
        number = float(f"{(low + high) / 2:.{digits}g}")
        if low < number <= high and low + quarter <= number <= high - quarter:
            return number
    return high
