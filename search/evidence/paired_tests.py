"""Compare scores on fresh paired seeds: means, intervals, tests, and how many seeds a difference would take.

A seed sets the split, the order of the data and the initialisation of every configuration trained with it, so scores
are compared seed by seed. Intervals and tests are Student's t, which keep their level with few seeds. A percentile
bootstrap would be too narrow, and an exact signed-rank test could give no p below .0625 with 5 pairs. p values are
corrected over all pairs by Holm's step-down (Holm 1979, Scand. J. Statist. 6:65-70). Scores are shares in [0, 1].
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import special  # not scipy.stats: the same functions, without its second of import and its cost per call

from trainers.errors import InputError

MIN_SEEDS = 10  # with fewer seeds nothing is called distinguishable, whatever its p
MAX_SEEDS = 1000  # larger numbers of needed seeds are not computed
MIN_TO_COUNT = 5  # with fewer seeds, needed seeds are not told: an sd from 4 has a standard error of 39 %, from 2 60 %
MIN_FOR_DROP = 3  # with fewer seeds, a drop has no interval: with two it would reach 12.7 standard errors each way
POWER = 0.8

LUCK = "covers the luck of the seed (split, order, initialisation), not the sampling of the test images"
ONE_PAIR = f"{LUCK}; not corrected for the number of pairs"

_ROUNDING = 1e-12  # differences of scores below this are rounding: one image of a million is 1e-6

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A confidence interval, with a sentence on what it covers.

    A t interval of few scores may reach beyond [0, 1]. It is stored uncut: symmetric about the mean, and in agreement
    with the t test. For people, `within` cuts the interval off, which does not change its coverage.
    """

    low: float
    high: float
    covers: str

    def within(self, low: float, high: float) -> "Interval":
        """The interval, cut off at `low` and `high`, the bounds of the estimated quantity."""
        return replace(self, low=max(self.low, low), high=min(self.high, high))


@dataclass(frozen=True)
class Summary:
    """The scores of one configuration on its n seeds.

    `mean` is None if there is no score; `sd` and `interval` are None if there are fewer than two.
    """

    label: str
    n: int
    mean: float | None
    sd: float | None  # of the sample, n − 1
    interval: Interval | None  # of the mean


@dataclass(frozen=True)
class Comparison:
    """Configuration a against b on the n seeds that both have; differences are a − b.

    `difference` and `p_better` are None if there is no such seed; `interval`, `p`, `p_holm` and `effect` are None if
    there are fewer than two. The comments name further cases.
    """

    a: str
    b: str
    n: int
    left_out: int  # how many seeds only one of the two has a score for
    difference: float | None  # mean over pairs
    interval: Interval | None  # of that mean
    p: float | None  # paired t test, two-sided
    p_holm: float | None  # corrected over all pairs that have a p
    effect: float | None  # Cohen's d_z: mean / sd of the differences; None also if the sd is 0 and the mean is not
    p_better: float | None  # share of seeds on which a > b, ties counted half; see `_probability_of_improvement`
    seeds_needed: int | None  # see `seeds_needed`; None also for no difference or fewer than MIN_TO_COUNT pairs
    distinguishable: bool  # p_holm at most 1 − level, and n at least MIN_SEEDS

    def swapped(self) -> "Comparison":
        """The same comparison, as b against a."""
        interval = self.interval and Interval(-self.interval.high, -self.interval.low, self.interval.covers)
        return replace(
            self,
            a=self.b,
            b=self.a,
            difference=_negated(self.difference),
            interval=interval,
            effect=_negated(self.effect),
            p_better=None if self.p_better is None else 1 - self.p_better,
        )


def holm(p: Sequence[float]) -> list[float]:
    """Correct p values for their number, by Holm's step-down.

    The k-th smallest of m values (k from 0) is multiplied by m − k. A product below the one before becomes
    equal to that one, and a product above 1 becomes 1. If hypotheses are rejected whose corrected value is at most α,
    the chance of any false rejection is at most α, however the tests depend on each other.
    """
    order = np.argsort(p)
    steps = np.asarray(p)[order] * np.arange(len(p), 0, -1)
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(value) for value in corrected]


def seeds_needed(effect: float, alpha: float, power: float = POWER) -> int | None:
    """How many seeds a two-sided paired t test at level `alpha` needs to find a true effect with probability `power`.

    `effect` is Cohen's d_z; if it was estimated from few seeds, the result is a guess. The result is at least
    MIN_SEEDS; None if it would be above MAX_SEEDS. See `power_of`.
    """
    counts = range(MIN_SEEDS, MAX_SEEDS + 1)
    found = bisect_left(counts, power, key=lambda n: power_of(effect, n, float(special.stdtrit(n - 1, 1 - alpha / 2))))
    return counts[found] if found < len(counts) else None


def power_of(effect: float, seeds: int, critical: float) -> float:
    """The probability that t of n = `seeds` paired differences, whose true mean is |`effect`| sds, exceeds `critical`.

    From the noncentral t with n − 1 degrees of freedom and noncentrality d_z·√n (Cohen 1988). The chance of a
    significant t of the wrong sign is left out.
    """
    return 1 - float(special.nctdtr(seeds - 1, abs(effect) * math.sqrt(seeds), critical))


@dataclass(frozen=True)
class WinnersCurse:
    """How much lower a search's best score is on fresh seeds."""

    search_score: float
    n: int
    confirmed_mean: float
    drop: float  # search score − confirmed mean
    interval: Interval | None  # of the drop; None for fewer than MIN_FOR_DROP seeds, or if all scores are equal


def winners_curse(search_score: float, confirmed_scores: Mapping[int, float], level: float = 0.95) -> WinnersCurse:
    """The drop of a search's best score: that score minus the mean over fresh seeds. The best of many is partly luck.

    `confirmed_scores` has the scores by seed, in the search's own metric. If they are from the validation split, as the
    search's score is, the drop is the luck of the choice. If they are from the test split, the drop also contains the
    difference between the two splits. The interval covers the luck of the mean alone, because the search's score was
    chosen and is not a sample. Raises InputError if a score is not in [0, 1], or if there is no confirmed score.
    """
    check_scores({"the search": {0: search_score}, "the confirmation": confirmed_scores})
    if not confirmed_scores:
        raise InputError("the confirmation has no score")
    values = _floats(confirmed_scores.values())
    mean = float(values.mean())
    tells = len(values) >= MIN_FOR_DROP and _sd(values)  # equal scores mean few images, not certainty
    interval = _interval(search_score - values, level, LUCK) if tells else None
    return WinnersCurse(search_score, len(values), mean, search_score - mean, interval)


def check_scores(scores: Mapping[str, Mapping[int, float]]) -> None:
    """Raise InputError if there is no score at all, or one that is not a number in [0, 1]."""
    if not any(scores.values()):
        raise InputError("there is no score to judge")
    for label, of in scores.items():
        for seed, score in of.items():
            if not 0 <= score <= 1:  # also refuses NaN
                raise InputError(f"a score must lie in [0, 1], but that of {label} at seed {seed} is {score}")


def comparisons(scores: Mapping[str, Mapping[int, float]], level: float) -> tuple[Comparison, ...]:
    """Compare each pair of labels on the seeds that both have; p values are corrected over all pairs.

    Args:
        scores: label -> seed -> score.
        level: the confidence level of the intervals; 1 − level is the level of the tests.
    """
    couples = list(combinations(scores, 2))
    alpha = (1 - level) / max(len(couples), 1)  # Holm's first and hardest step
    raw = [_comparison(a, b, scores[a], scores[b], level, alpha) for a, b in couples]
    corrected = iter(holm([pair.p for pair in raw if pair.p is not None]))
    return tuple(pair if pair.p is None else _with_holm(pair, next(corrected), level) for pair in raw)


def _comparison(
    a: str, b: str, of_a: Mapping[int, float], of_b: Mapping[int, float], level: float, alpha: float
) -> Comparison:
    shared = sorted(of_a.keys() & of_b.keys())
    differences = _floats(of_a[seed] - of_b[seed] for seed in shared)
    differences[np.abs(differences) < _ROUNDING] = 0.0
    n, mean, sd = len(shared), _mean(differences), _sd(differences)
    effect, needed = None, None
    if sd is not None and mean is not None:
        effect = mean / sd if sd else (None if mean else 0.0)
        if n >= MIN_TO_COUNT:
            needed = seeds_needed(effect, alpha) if effect else (MIN_SEEDS if mean else None)
    return Comparison(
        a,
        b,
        n,
        left_out=len(of_a.keys() ^ of_b.keys()),
        difference=mean,
        interval=_interval(differences, level, ONE_PAIR),
        p=_paired_p(differences),
        p_holm=None,
        effect=effect,
        p_better=_probability_of_improvement(differences),
        seeds_needed=needed,
        distinguishable=False,
    )


def _with_holm(pair: Comparison, p_holm: float, level: float) -> Comparison:
    return replace(pair, p_holm=p_holm, distinguishable=pair.n >= MIN_SEEDS and p_holm <= 1 - level)


def _probability_of_improvement(differences: Floats) -> float | None:
    """P(a > b), ties counted half.

    Agarwal et al. 2021 (arXiv 2108.13264) compare all runs of a with all runs of b, which are independent there. Here
    only the two runs of a seed are compared, because they share its split. If runs of different seeds were compared, an
    easy split would count as merit, and the number would answer another question than the paired test. None without a
    seed.
    """
    return float((np.sign(differences).mean() + 1) / 2) if len(differences) else None


def _paired_p(differences: Floats) -> float | None:
    """Two-sided p of the paired t test; None for fewer than two differences.

    If all differences are equal, p is 1 if they are 0, else 0.
    """
    mean, sd, n = _mean(differences), _sd(differences), len(differences)
    if mean is None or sd is None:
        return None
    if sd == 0:
        return 0.0 if mean else 1.0
    return 2 * float(special.stdtr(n - 1, -abs(mean) / (sd / math.sqrt(n))))


def _interval(values: Floats, level: float, covers: str) -> Interval | None:
    """The t interval of the mean of `values`; None for fewer than two values."""
    mean, sd, n = _mean(values), _sd(values), len(values)
    if mean is None or sd is None:
        return None
    half = float(special.stdtrit(n - 1, (1 + level) / 2)) * sd / math.sqrt(n)
    return Interval(mean - half, mean + half, covers)


def summary(label: str, scores: Iterable[float], level: float) -> Summary:
    """Summarise the scores of one label. `level` is the confidence level of the interval."""
    values = _floats(scores)
    return Summary(label, len(values), _mean(values), _sd(values), _interval(values, level, LUCK))


def _floats(values: Iterable[float]) -> Floats:
    return np.fromiter(values, dtype=np.float64)


def _mean(values: Floats) -> float | None:
    return float(values.mean()) if len(values) else None


def _sd(values: Floats) -> float | None:
    if len(values) < 2:
        return None
    sd = float(values.std(ddof=1))
    return sd if sd > _ROUNDING else 0.0


def _negated(value: float | None) -> float | None:
    return None if value is None else -value
