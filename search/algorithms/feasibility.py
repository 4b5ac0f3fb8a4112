"""How likely values are to make a trial fail, as far as ended trials show.

TPE is told that failed trials are the worst there are. Where the best values lie beside those that fail, its kernels
are so wide, of few trials, that every third proposal still fails. So a proposal that is likely to fail is drawn again
(see sampler). The chance is a naive Bayes estimate: each field has a kernel density of failed and of other trials, and
fields count as independent of each other.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from search.algorithms.optuna_trials import Space
from search.journal.history import Trial, Value

BANDWIDTH = 0.05  # in the unit range of a field


class Feasibility:
    """Ended trials of one space, and what they say of values that are to be tried."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._failed: list[list[float]] = []
        self._fine: list[list[float]] = []

    def add(self, trial: Trial) -> None:
        """Learn from a trial that has ended. One that crashed without its values' doing teaches nothing."""
        if trial.failed_by_its_values:
            self._failed.append(self._place(trial.values))
        elif trial.state != "failed":
            self._fine.append(self._place(trial.values))

    def chance_of_failing(self, values: Mapping[str, Value]) -> float:
        """From 0 to 1; 0 where no trial has failed by its values, or none has not."""
        if not self._failed or not self._fine:
            return 0.0
        place = np.asarray(self._place(values))
        odds = len(self._failed) / len(self._fine)
        log_odds = math.log(odds) + float((_log_density(self._failed, place) - _log_density(self._fine, place)).sum())
        return 1 / (1 + math.exp(-min(max(log_odds, -700.0), 700.0)))

    def _place(self, values: Mapping[str, Value]) -> list[float]:
        """NaN where the field belongs to another loss."""
        return [range_.to_unit(values[path]) if path in values else math.nan for path, range_ in self._space.items()]


def _log_density(known: list[list[float]], place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each field at `place` [F]: kernels around known places, and one that is flat over the range: [F].

    Only places that have the field count; a field that `place` itself has not says nothing: 0.
    """
    there = np.asarray(known)
    distance = (place - there) / BANDWIDTH
    kernels = np.exp(-0.5 * distance**2) / (BANDWIDTH * math.sqrt(2 * math.pi))
    density = (np.nansum(kernels, 0) + 1) / ((~np.isnan(there)).sum(0) + 1)
    return np.where(np.isnan(place), 0.0, np.log(density))
