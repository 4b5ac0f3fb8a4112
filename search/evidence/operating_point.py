"""A threshold on the probability of one class for a wanted sensitivity, and the rates that it gives."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.evidence.wilson import wilson

Probabilities = NDArray[np.float64]  # [N], of one class
Mask = NDArray[np.bool_]  # [N]


@dataclass(frozen=True)
class Share:
    """A count of images out of a total, with the 95 % Wilson interval of the share."""

    right: int
    images: int
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, right: int, images: int) -> "Share":
        """The share of `right` among `images`, of which there is at least one."""
        return cls(right, images, right / images, *wilson(right / images, images))

    def in_words(self) -> str:
        """The share, its counts and its interval."""
        return f"{self.value:.4f} ({self.right} of {self.images}; {self.low:.4f} to {self.high:.4f})"


@dataclass(frozen=True)
class Rates:
    """The rates of a threshold on a split.

    Attributes:
        sensitivity: of the images of the class, the share at or above the threshold.
        specificity: of the other images, the share below the threshold.
    """

    sensitivity: Share
    specificity: Share


def choose_threshold(probabilities: Probabilities, is_class: Mask, sensitivity: float) -> float:
    """The highest threshold that at least a share `sensitivity` of the class's images reaches.

    Many numbers separate these images in the same way. The threshold is one near the middle of them, because another
    machine's probabilities may differ in their last digits. It has as few digits as possible, so that people can
    write it down.

    Args:
        probabilities: [N], the probability of the class.
        is_class: [N], true for the class's images, of which there is at least one.
        sensitivity: the wanted sensitivity, in (0, 1].
    """
    inside = np.sort(probabilities[is_class])[::-1]
    needed = next(k for k in range(1, len(inside) + 1) if k / len(inside) >= sensitivity)
    reached = float(inside[needed - 1])
    below = probabilities[probabilities < reached]
    return _shortest_in(float(below.max()) if len(below) else 0.0, reached)


def rates_at(threshold: float, probabilities: Probabilities, is_class: Mask) -> Rates:
    """The rates of a threshold on images of the class and others. For the arguments see `choose_threshold`."""
    taken = probabilities >= threshold
    return Rates(
        Share.of(int((taken & is_class).sum()), int(is_class.sum())),
        Share.of(int((~taken & ~is_class).sum()), int((~is_class).sum())),
    )


def _shortest_in(low: float, high: float) -> float:
    """A number of few digits in the middle half between `low` and `high`; `high` if there is none."""
    quarter = (high - low) / 4
    for digits in range(1, 18):
        number = float(f"{(low + high) / 2:.{digits}g}")
        if low < number <= high and low + quarter <= number <= high - quarter:
            return number
    return high
