"""An estimate, from ended trials, of how likely values are to make a trial fail.

TPE takes failed trials for the worst there are. But with few trials its kernels are wide, so if the best values are
close to failing ones, every third proposal still fails. A proposal that is likely to fail is therefore drawn again (see
optuna_ask). The probability is a naive Bayes estimate: each field has one kernel density of the failed and one of the
other trials, and fields are treated as independent.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from search.algorithms.told import Space, Told
from search.journal.history import Value

BANDWIDTH = 0.05  # in the unit range of a field


class Feasibility:
    """Ended trials of one space, and an estimate for values that may be tried."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._failed: list[list[float]] = []
        self._fine: list[list[float]] = []

    def add(self, trial: Told) -> None:
        """Learn from an ended trial."""
        (self._failed if trial.state == "failed" else self._fine).append(self._place(trial.values))

    def chance_of_failing(self, values: Mapping[str, Value]) -> float:
        """The probability of failing, 0 to 1; 0 until some trials have failed by their values and some have not."""
        if not self._failed or not self._fine:
            return 0.0
        place = np.asarray(self._place(values))
        odds = len(self._failed) / len(self._fine)
        log_odds = math.log(odds) + float((_log_density(self._failed, place) - _log_density(self._fine, place)).sum())
        return 1 / (1 + math.exp(-min(max(log_odds, -700.0), 700.0)))

    def _place(self, values: Mapping[str, Value]) -> list[float]:
        """Coordinates in [0, 1]; NaN for fields of another loss."""
        return [range_.to_unit(values[path]) if path in values else math.nan for path, range_ in self._space.items()]


def _log_density(known: list[list[float]], place: NDArray[np.float64]) -> NDArray[np.float64]:
    """The log-density of each field at `place`, [F]: kernels around known places, and one that is flat over the range.

    For each field, only the known places that have the field count. For a field that `place` lacks, the result is 0.
    """
    there = np.asarray(known)
    distance = (place - there) / BANDWIDTH
    kernels = np.exp(-0.5 * distance**2) / (BANDWIDTH * math.sqrt(2 * math.pi))
    density = (np.nansum(kernels, 0) + 1) / ((~np.isnan(there)).sum(0) + 1)
    return np.where(np.isnan(place), 0.0, np.log(density))
