"""Bounds of a paired t test that looks at its data several times, exact under normal differences, few seeds included.

At look k there are n_k differences; the test ends when |t| passes the look's bound. The bounds spend α over the looks:
if there is no difference, the test has ended by look k with probability α(n_k / N), for N planned seeds and any choice
of looks (Lan and DeMets 1983, Biometrika 70:659-663; with their α₁* the bounds are near those of O'Brien and Fleming,
with α₂* near those of Pocock). All intervals mean ± bound·s/√n together cover the true difference with probability
1 − α: the repeated confidence intervals of Jennison and Turnbull 1989 (J. R. Statist. Soc. B 51:305-361).

The usual bounds assume a known spread; used for a t with few seeds, they claim too much. Here the joint distribution of
the t statistics is integrated numerically instead. With u = S/√(nQ), S the sum and Q the sum of squares of the first n
differences, t = u·√(n−1)/√(1−u²). Without a difference the direction of the data is independent of Q, so u is a Markov
chain:
u₂ = √(n₁B/n₂)·u₁ + √(m(1−B)/n₂)·u', where m = n₂ − n₁, B ~ Beta(n₁/2, m/2), and u' is the u of the m new differences by
themselves; B, u₁ and u' are independent. A density of u is carried from look to look, as Armitage, McPherson and Rowe
1969 (J. R. Statist. Soc. A 132:235-244) do for sums.
"""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from scipy import special
from scipy.optimize import brentq

from search.evidence.paired_tests import Floats

FEWEST_NEW = 3  # differences between two looks: with fewer the density of u' is unbounded
_NODES, _SHARES = 61, 24  # points of the quadratures over u and B: bounds are good to 3e-4, mostly to 3e-5
_NOTHING = 1e-12  # a look that would spend less of α than this ends nothing

Spending = Callable[[float, float], float]  # (share of the planned seeds, α) -> how much of α is spent by then


def obrien_fleming(share: float, alpha: float) -> float:
    """How much of `alpha` is spent when a share `share` of the planned seeds has run (α₁* for each side).

    Most of it is spent late, so the last bound is near that of a test with a single look.
    """
    return float(4 * special.ndtr(special.ndtri(alpha / 4) / math.sqrt(min(share, 1.0))))


def pocock(share: float, alpha: float) -> float:
    """How much of `alpha` is spent when a share `share` of the planned seeds has run (α₂*).

    It is spent nearly evenly, so more tests end early than with `obrien_fleming`.
    """
    return alpha * math.log(1 + (math.e - 1) * min(share, 1.0))


@cache
def bounds(looks: tuple[int, ...], shares: tuple[float, ...], alpha: float, spending: Spending) -> tuple[float, ...]:
    """The bound of |t| at each look; infinite at a look that spends nothing.

    Args:
        looks: how many differences there are at each look, at least FEWEST_NEW more than at the look before.
        shares: the share of the planned seeds at each look; 1 spends what is left of α.
        alpha: the two-sided level over all looks.
        spending: how α is spent, such as `obrien_fleming`.
    """
    found: list[float] = []
    spent, before = 0.0, 0
    nodes, weights = np.zeros(1), np.ones(1)  # the density of u if the test has not ended; none before the first look
    for n, share in zip(looks, shares, strict=True):
        step = _Step(before, n - before, nodes, weights)
        spend = spending(share, alpha) - spent
        edge = 1.0
        if spend > _NOTHING:
            edge = float(brentq(lambda c, at=step, by=spend: at.beyond(c) - by, 0.0, 1.0, xtol=1e-13))
            spent += spend
        found.append(math.inf if edge == 1.0 else edge * math.sqrt((n - 1) / (1 - edge**2)))
        inner, share_of = np.polynomial.legendre.leggauss(_NODES)
        nodes, weights, before = edge * inner, edge * share_of * step.density(edge * inner), n
    return tuple(found)


class _Step:
    """The step of the distribution of u from one look to the next."""

    def __init__(self, before: int, new: int, nodes: Floats, weights: Floats) -> None:
        """Prepare the step.

        Args:
            before: how many differences there were at the look before.
            new: how many have come since.
            nodes: [G], values of u at the look before.
            weights: [G], the probability mass at these values.
        """
        self._new, self._weights = new, weights
        if before == 0:
            old, scale, self._chances = np.zeros((1, 1)), np.ones(1), np.ones(1)
        else:
            at, of = np.polynomial.legendre.leggauss(_SHARES)
            kept = special.betaincinv(before / 2, new / 2, (at + 1) / 2)  # [I], B's quantiles
            self._chances, total = of / 2, before + new
            old = np.sqrt(before * kept / total)[:, None] * nodes  # [I, G]
            scale = np.sqrt(new * (1 - kept) / total)
        self._old, self._scale = old, scale[:, None]

    def beyond(self, edge: float) -> float:
        """The chance that the test did not end at an earlier look and |u| exceeds `edge` at this look."""
        x = np.clip((edge - self._old) / self._scale, -1.0, 1.0)
        above = 0.5 * special.betainc((self._new - 1) / 2, 0.5, 1 - x**2)
        tail = np.where(x < 0, 1 - above, above)  # P(u' > x)
        return 2 * float(self._chances @ tail @ self._weights)

    def density(self, u: Floats) -> Floats:
        """[G], the density at the values `u`. Its integral is the chance that no earlier look ended the test."""
        power, norm = (self._new - 3) / 2, special.beta(0.5, (self._new - 1) / 2)
        x = (u[:, None, None] - self._old) / self._scale  # [G, I, G before]
        each = np.where(np.abs(x) < 1, np.clip(1 - x**2, 0, None) ** power, 0.0) / norm / self._scale
        density: Floats = np.einsum("i,gij,j->g", self._chances, each, self._weights)
        return density
