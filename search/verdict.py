"""Which configuration is better, as far as scores from fresh paired seeds can tell, and in words.

A seed sets the split, the order of the data and the initialisation of every configuration trained with it, so scores
are compared seed by seed. Intervals and tests are Student's t, which keep their level with few seeds where a percentile
bootstrap (too narrow) and an exact signed-rank test (no p below .0625 with 5 pairs) do not; p values are corrected over
all pairs by Holm's step-down (Holm 1979, Scand. J. Statist. 6:65-70). Scores are shares in [0, 1].
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

MIN_SEEDS = 10  # with fewer nothing is called distinguishable, whatever its p
MAX_SEEDS = 1000  # beyond this the seeds that are needed are not counted
MIN_TO_COUNT = 5  # nor with fewer seen: the standard error of an sd of four is 39 % of it, of two 60 %
MIN_FOR_DROP = 3  # the t interval of two reaches 12.7 standard errors to either side, which says nothing
POWER = 0.8

LUCK = "covers the luck of the seed (split, order, initialisation), not the sampling of the test images"
ONE_PAIR = f"{LUCK}; not corrected for the number of pairs"

_ROUNDING = 1e-12  # differences of scores below this are rounding: one image of a million is 1e-6

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A confidence interval, and in words what it covers and leaves out.

    A t interval of few scores may leave what a score can be. It is kept so, since it is symmetric about its mean and
    mirrors its test; where a person reads it, it is cut (`within`), which costs no coverage.
    """

    low: float
    high: float
    covers: str

    def within(self, low: float, high: float) -> "Interval":
        """What of it lies between the bounds of what it estimates."""
        return replace(self, low=max(self.low, low), high=min(self.high, high))


@dataclass(frozen=True)
class Summary:
    """One configuration over its n seeds. None: no score (mean), or fewer than two (sd, interval)."""

    label: str
    n: int
    mean: float | None
    sd: float | None  # of the sample, n − 1
    interval: Interval | None  # of the mean


@dataclass(frozen=True)
class Comparison:
    """Configuration a against b on the n seeds that both have; differences are a − b.

    None: no pair (difference, p_better), fewer than two pairs (interval, p, p_holm), or as each field says.
    """

    a: str
    b: str
    n: int
    left_out: int  # seeds that one of the two lacks
    difference: float | None  # mean over pairs
    interval: Interval | None  # of that mean
    p: float | None  # paired t test, two-sided
    p_holm: float | None  # corrected over all pairs that have a p
    effect: float | None  # Cohen's d_z: mean / sd of the differences; None also where a constant difference makes it ∞
    p_better: float | None  # share of seeds where a > b, ties half; see `_probability_of_improvement`
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


@dataclass(frozen=True)
class Verdict:
    """What a confirmation showed. Labels and pairs stand in the order in which the scores were given."""

    labels: tuple[Summary, ...]
    pairs: tuple[Comparison, ...]
    best: str  # by its mean difference to the others: without missing runs the highest mean
    seeds: int  # that any label has
    missing: int  # runs: a label without a score at one of those seeds
    level: float
    sentence: str
    caveats: tuple[str, ...]

    def against(self, label: str) -> list[Comparison]:
        """One label against each other one."""
        return _against(label, self.pairs)

    def in_words(self) -> str:
        """The verdict with its caveats."""
        return " ".join((self.sentence, *self.caveats))


def judge(scores: Mapping[str, Mapping[int, float]], level: float = 0.95) -> Verdict:
    """Compare configurations, label -> seed -> score on the test split, pair by pair on the seeds that both have.

    level: of every interval; 1 − level is the chance, over all pairs together, of calling equals distinguishable.
    Raises InputError when there is no score at all, or one that is not a number in [0, 1].
    """
    _check(scores)
    pairs = _compared(scores, level)
    labels = tuple(_summary(label, _floats(of.values()), level) for label, of in scores.items())
    scored = [summary for summary in labels if summary.n]
    best = max(scored, key=lambda summary: (_lead(summary.label, pairs), summary.mean))
    rivals = [pair for pair in _against(best.label, pairs) if pair.n]
    rivals.sort(key=lambda pair: pair.difference or 0.0)  # the runner-up first
    seeds = len(set().union(*scores.values()))
    missing = seeds * len(scores) - sum(len(of) for of in scores.values())
    return Verdict(labels, pairs, best.label, seeds, missing, level, _sentence(best, rivals), _caveats(best, missing))


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction: the k-th smallest of m (from 0) times m − k, never below the one before, at most 1.

    Rejecting what is at most α keeps the chance of any false rejection at α, however the tests depend on each other.
    """
    order = np.argsort(p)
    steps = np.asarray(p)[order] * np.arange(len(p), 0, -1)
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(value) for value in corrected]


def seeds_needed(effect: float, alpha: float, power: float = POWER) -> int | None:
    """Seeds with which a two-sided paired t test at `alpha` finds a true effect d_z with that power.

    At least MIN_SEEDS; None for more than MAX_SEEDS. From the noncentral t with n − 1 degrees of freedom and
    noncentrality d_z·√n (Cohen 1988), without the wrong tail. With an effect estimated from few seeds, it is a guess.
    """

    def power_of(n: int) -> float:
        critical = special.stdtrit(n - 1, 1 - alpha / 2)
        return 1 - float(special.nctdtr(n - 1, abs(effect) * math.sqrt(n), critical))

    counts = range(MIN_SEEDS, MAX_SEEDS + 1)
    found = bisect_left(counts, power, key=power_of)
    return counts[found] if found < len(counts) else None


@dataclass(frozen=True)
class WinnersCurse:
    """How much of a search's best score did not come back with fresh seeds."""

    search_score: float
    n: int
    confirmed_mean: float
    drop: float  # search score − confirmed mean
    interval: Interval | None  # of the drop; None for fewer than MIN_FOR_DROP seeds, or where all scored alike


def winners_curse(search_score: float, confirmed_scores: Mapping[int, float], level: float = 0.95) -> WinnersCurse:
    """The best of many noisy scores is partly luck: the search's score minus the mean over fresh seeds.

    confirmed_scores: seed -> score, of the search's own metric. Measured on the validation split like the search's,
    the drop is the luck of the choice; on the test split it is also the difference of the two splits. The interval is
    that of the mean, since the search's score is a number that was chosen, not a sample. Raises InputError as `judge`.
    """
    _check({"the search": {0: search_score}, "the confirmation": confirmed_scores})
    if not confirmed_scores:
        raise InputError("the confirmation has no score")
    values = _floats(confirmed_scores.values())
    mean = float(values.mean())
    tells = len(values) >= MIN_FOR_DROP and _sd(values)  # equal scores are few images, not certainty
    interval = _interval(search_score - values, level, LUCK) if tells else None
    return WinnersCurse(search_score, len(values), mean, search_score - mean, interval)


def _check(scores: Mapping[str, Mapping[int, float]]) -> None:
    if not any(scores.values()):
        raise InputError("there is no score to judge")
    for label, of in scores.items():
        for seed, score in of.items():
            if not 0 <= score <= 1:  # nor NaN
                raise InputError(f"a score must lie in [0, 1], but that of {label} at seed {seed} is {score}")


def _compared(scores: Mapping[str, Mapping[int, float]], level: float) -> tuple[Comparison, ...]:
    """All pairs of labels, corrected together."""
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

    Agarwal et al. 2021 (arXiv 2108.13264) average over all runs of a times all runs of b, which are independent there.
    Here the two runs of a seed share its split, so only they are compared: across seeds, an easy split would count
    as merit, and the number would answer another question than the paired test beside it.
    """
    return float((np.sign(differences).mean() + 1) / 2) if len(differences) else None


def _paired_p(differences: Floats) -> float | None:
    """Two-sided p of the paired t test; of constant differences 1 where they are 0, else 0."""
    mean, sd, n = _mean(differences), _sd(differences), len(differences)
    if mean is None or sd is None:
        return None
    if sd == 0:
        return 0.0 if mean else 1.0
    return 2 * float(special.stdtr(n - 1, -abs(mean) / (sd / math.sqrt(n))))


def _interval(values: Floats, level: float, covers: str) -> Interval | None:
    """The t interval of the mean."""
    mean, sd, n = _mean(values), _sd(values), len(values)
    if mean is None or sd is None:
        return None
    half = float(special.stdtrit(n - 1, (1 + level) / 2)) * sd / math.sqrt(n)
    return Interval(mean - half, mean + half, covers)


def _summary(label: str, values: Floats, level: float) -> Summary:
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


def _against(label: str, pairs: Sequence[Comparison]) -> list[Comparison]:
    return [pair if pair.a == label else pair.swapped() for pair in pairs if label in (pair.a, pair.b)]


def _lead(label: str, pairs: Sequence[Comparison]) -> float:
    """Mean paired difference to the others. Unlike a label's mean, failing on the hard seeds does not flatter it."""
    leads = [pair.difference for pair in _against(label, pairs) if pair.difference is not None]
    return sum(leads) / len(leads) if leads else -math.inf


def _sentence(best: Summary, rivals: Sequence[Comparison]) -> str:
    """The verdict. rivals: the best against each other label, the closest first."""
    if not rivals:
        return (
            f"{best.label} has a mean of {best.mean:.4f} over {_seeds([best.n])}; there is nothing to compare it with."
        )
    first = f"{best.label} comes first with a mean of {best.mean:.4f}"
    beaten = [pair for pair in rivals if pair.distinguishable]
    above = [pair for pair in beaten if (pair.difference or 0) < 0]  # can only be where runs are missing
    open_ = [pair for pair in rivals if not pair.distinguishable]
    seeds = _seeds([pair.n for pair in rivals])
    if max(pair.n for pair in rivals) < MIN_SEEDS:
        said = f"{seeds} cannot discriminate (it takes {MIN_SEEDS} at least), though {first}"
    elif above:
        return f"{first}, yet on the seeds that both have it is below {_all_of(above)}: run the seeds that are missing."
    elif not open_:
        p = max(pair.p_holm or 0 for pair in beaten)
        return f"{first}, distinguishable from {_all_of(beaten)} with these {seeds} (Holm-corrected p at most {p:.2g})."
    elif beaten:
        said = f"{first}, distinguishable from {_all_of(beaten)} but not from {_all_of(open_)} with these {seeds}"
    else:
        said = f"{first}, but is not distinguishable from {_all_of(open_)} with these {seeds}"
    return f"{said}; {_outlook(open_[0])}."


def _outlook(pair: Comparison) -> str:
    """How many seeds would tell two labels apart."""
    if pair.difference == 0:
        return f"no difference between {pair.a} and {pair.b} was seen"
    if pair.n < MIN_TO_COUNT:
        return f"too few seeds to say how many would be needed to tell {pair.a} from {pair.b}"
    count = f"about {pair.seeds_needed}" if pair.seeds_needed else f"more than {MAX_SEEDS}"
    return f"{count} seeds would be needed to tell {pair.a} from {pair.b} at the difference seen"


def _caveats(best: Summary, missing: int) -> tuple[str, ...]:
    caveats = [f"Every interval {LUCK}."] if best.interval else []
    if missing:
        runs = "1 run is" if missing == 1 else f"{missing} runs are"
        caveats.append(f"{runs} missing: a pair is compared on the seeds that both have.")
    return tuple(caveats)


def _all_of(pairs: Sequence[Comparison]) -> str:
    *others, last = [pair.b for pair in pairs]
    return f"{', '.join(others)} and {last}" if others else last


def _seeds(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low} to {high} seeds" if low < high else f"{low} seed{'s' * (low != 1)}"
