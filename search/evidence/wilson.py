"""The score interval of a share (Wilson 1927, J. Am. Stat. Assoc. 22:209), which stays inside [0, 1]."""

import math
from statistics import NormalDist

_Z = NormalDist().inv_cdf(0.975)  # 95 %, both sides


def wilson(share: float, total: float) -> tuple[float, float]:
    """95 % interval of a share of `total` independent draws.

    Args:
        share: in [0, 1]. It need not be a count divided by `total`; it may be a mean over seeds.
        total: above 0. It need not be a whole number; it may be an effective number of draws.
    """
    spread = _Z**2 / total
    middle = (share + spread / 2) / (1 + spread)
    half = math.sqrt(spread * share * (1 - share) + spread**2 / 4) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)
