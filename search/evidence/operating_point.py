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
        """`right` of `images`, which are one at least."""
        return cls(right, images, right / images, *wilson(right / images, images))

    def in_words(self) -> str:
        """The share, its counts and its interval."""
        return f"{self.value:.4f} ({self.right} of {self.images}; {self.low:.4f} to {self.high:.4f})"


@dataclass(frozen=True)
class Rates:
    """What a threshold gives on a split: of images of the class those at or above it, of others those below."""

    sensitivity: Share
    specificity: Share


def choose_threshold(probabilities: Probabilities, is_class: Mask, sensitivity: float) -> float:
    """The highest threshold that at least a share `sensitivity` of the class's images reaches.

    Among the numbers that part these images alike it is one near the middle, as another machine's probabilities may
    be others in their last digits, and of as few digits as can be, to be written down.

    Args:
        probabilities: [N], of the class.
        is_class: [N], true for the class's images, of which there is one at least.
        sensitivity: in (0, 1].
    """
    inside = np.sort(probabilities[is_class])[::-1]
    needed = next(k for k in range(1, len(inside) + 1) if k / len(inside) >= sensitivity)
    reached = float(inside[needed - 1])
    below = probabilities[probabilities < reached]
    return _shortest_in(float(below.max()) if len(below) else 0.0, reached)


def rates_at(threshold: float, probabilities: Probabilities, is_class: Mask) -> Rates:
    """What a threshold gives on images of both kinds; arguments as of `choose_threshold`."""
    taken = probabilities >= threshold
    return Rates(
        Share.of(int((taken & is_class).sum()), int(is_class.sum())),
        Share.of(int((~taken & ~is_class).sum()), int((~is_class).sum())),
    )


def _shortest_in(low: float, high: float) -> float:
    """A number of few digits in the middle half between `low` and `high`; `high` where they are next to each other."""
    quarter = (high - low) / 4
    for digits in range(1, 18):
        number = float(f"{(low + high) / 2:.{digits}g}")
        if low < number <= high and low + quarter <= number <= high - quarter:
            return number
    return high
