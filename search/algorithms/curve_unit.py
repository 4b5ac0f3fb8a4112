"""The unit in which the model of learning curves counts scores.

Its priors say how far trials differ and how large luck is, in units. For a balanced accuracy the unit is .02. An AUROC
near 1 varies by a tenth of that between trials, and a log loss by ten times as much; there the unit is how far the
first trials differ. It stays .02 within a factor of FAR, since twelve values tell a spread only roughly.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from search.algorithms.startup import CURVES_DRAWS

UNIT = 0.02  # how far the scores of random trials differ (standard deviation) in our study, and luck as well
FAR = 5.0
OF_NORMAL = 1.349  # the quartiles of a normal distribution are so many standard deviations apart


class FirstValues:
    """The values of a search's first trials at one epoch: those of the CURVES_DRAWS lowest places that came there.

    They depend on the trials alone, in whatever order they came: a killed and resumed search has the same.

    Args:
        epoch: of the first rung.

    Attributes:
        unit: UNIT while there are fewer than CURVES_DRAWS values.
    """

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch
        self._values: dict[int, float] = {}  # by place
        self.unit = UNIT

    def add(self, place: int, by_epoch: Mapping[int, float]) -> None:
        """Note a trial's value, if it has one at the epoch."""
        if place in self._values or self._epoch not in by_epoch:
            return
        if len(self._values) == CURVES_DRAWS:
            if place > (last := max(self._values)):
                return
            del self._values[last]
        self._values[place] = by_epoch[self._epoch]
        if len(self._values) == CURVES_DRAWS:
            self.unit = unit_of(self._values.values())


def unit_of(values: Iterable[float]) -> float:
    """UNIT, or the robust standard deviation of the values (from their quartiles) where it is FAR from that."""
    low, high = np.percentile(list(values), (25, 75))
    spread = float(high - low) / OF_NORMAL
    return UNIT if spread == 0 or UNIT / FAR <= spread <= UNIT * FAR else spread
