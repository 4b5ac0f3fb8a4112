"""The unit in which the model of learning curves counts scores.

Its priors say how far trials differ and how large luck is, in units. For a balanced accuracy the unit is .02. Where the
first trials differ by less than a fifth of that, as an AUROC near 1 may, or by more than five times that, as a log loss
may, the unit is how far they differ. Between these it stays .02, since twelve values tell a spread only roughly.
"""

from collections.abc import Sequence

import numpy as np

from search.algorithms.startup import CURVES_DRAWS

UNIT = 0.02  # how far the scores of random trials differ (standard deviation) in our study, and luck as well
FAR = 5.0
LEAST = 1e-5  # trials that differ by less are alike
OF_NORMAL = 1.349  # the quartiles of a normal distribution are so many standard deviations apart


def unit_of(at_rung: Sequence[float], newest: Sequence[float]) -> float:
    """The unit for a search.

    Args:
        at_rung: the values of its first trials at the first rung.
        newest: the newest value of each of these trials. They count where the trials hardly differ at the rung, as
            where all are still near chance.

    Returns:
        UNIT, or the trials' robust standard deviation where that is FAR from it. UNIT if there are fewer than
        CURVES_DRAWS trials.
    """
    if len(at_rung) < CURVES_DRAWS:
        return UNIT
    spread = _spread(at_rung)
    if spread < UNIT / FAR:
        spread = max(spread, _spread(newest))
    return UNIT if spread < LEAST or UNIT / FAR <= spread <= UNIT * FAR else spread


def _spread(values: Sequence[float]) -> float:
    """The standard deviation by the quartiles, which a few wild values do not move."""
    low, high = np.percentile(values, (25, 75))
    return float(high - low) / OF_NORMAL
