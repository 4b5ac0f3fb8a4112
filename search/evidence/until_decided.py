"""Run seeds in rounds until each pair of configurations is decided; the rule is declared before the test split opens.

After each round every open pair has an interval for its mean difference, mean ± bound·s/√n: the repeated confidence
interval of Jennison and Turnbull 1989. The bounds are those of a group-sequential t test that spends α as Lan and
DeMets 1983 (α₁*) do; see `group_sequential`. An interval that does not contain 0 says that one of the two is better. An
interval within ±D says that there is no difference as large as D, the smallest difference that matters. Either result
decides the pair, which gets no further look.

Over all looks, the intervals of one pair miss the true difference with probability α/pairs at most, where `pairs` is
the number of pairs at the start (Bonferroni). So the chance of any false claim is at most α; "no difference" is false
if the true difference has a size of D or more. A decided pair still counts among the pairs, and so does a pair that was
dropped because a configuration gave no score.

The bounds are exact for normal differences. With few seeds, skewed differences spoil any t interval: of the resamples
of the published study results/fmnist-60-40, 7 % made a false claim with at most 20 seeds, and 4 % with at most 30
(results/bench/until_decided.md, which also compares the rule with a confidence sequence). Hence FEWEST_SEEDS.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from scipy import special

from search.evidence.group_sequential import FEWEST_NEW, bounds, obrien_fleming
from search.evidence.paired_tests import MAX_SEEDS, MIN_SEEDS, POWER, Interval, Summary, power_of, summary
from search.journal.history import ENDED, History

SCORE = "test_balanced_accuracy"  # the metric by which pairs are compared
RULE = "group-sequential t with O'Brien-Fleming-like spending (Lan and DeMets 1983), exact bounds"
COVERS = (
    "covers the luck of the seed (split, order, initialisation) over all looks together, corrected for the number of "
    "pairs, not the sampling of the test images"
)
FEWEST_SEEDS = 30  # the smallest `max_seeds` that is allowed; see above
FEWEST_STEP, MOST_LOOKS = 5, 10
LEVEL = 0.95

State = Literal["better", "no difference", "open", "dropped"]
Run = tuple[int, int]  # the positions of a candidate and of a seed in the plan


@dataclass(frozen=True)
class Rule:
    """The rule that was declared before the test split opened."""

    smallest: float  # D, the smallest difference that matters
    max_seeds: int  # the most seeds that may run
    looks: tuple[int, ...]  # how many seeds have run at each look; the last is max_seeds
    bounds: tuple[float, ...]  # bounds of |t| at each look, if every seed gave both scores
    pairs: int  # how many pairs of configurations there are at the start
    level: float = LEVEL

    @property
    def alpha(self) -> float:
        """The share of α that one pair may spend."""
        return (1 - self.level) / self.pairs

    def bound(self, seen: Sequence[int], is_last: bool) -> float:
        """The bound of |t| at the newest look of a pair.

        Args:
            seen: how many differences the pair had at each of its looks so far.
            is_last: whether the newest look is the last one of the plan.
        """
        if tuple(seen) == self.looks[: len(seen)] and is_last == (len(seen) == len(self.looks)):
            return self.bounds[len(seen) - 1]
        shares = [n / self.max_seeds for n in seen[:-1]] + [1.0 if is_last else seen[-1] / self.max_seeds]
        return bounds(tuple(seen), tuple(shares), self.alpha, obrien_fleming)[-1]

    def in_words(self) -> str:
        """The rule as text: until each pair is decided at a smallest difference of 0.01, with at most 30 seeds, …"""
        return (
            f"until each pair is decided at a smallest difference of {self.smallest:g}, with at most {self.max_seeds} "
            f"seeds, looked at after {', '.join(map(str, self.looks))}"
        )


@dataclass(frozen=True)
class Pair:
    """The state of a pair of configurations at its newest look. Differences are a − b; `a` and `b` are labels."""

    a: str
    b: str
    state: State
    better: str | None  # a or b; None: neither was found better
    rounds: int  # how many rounds had ended at the newest look
    n: int  # how many seeds had given both scores by then
    difference: float | None
    interval: Interval | None


@dataclass(frozen=True)
class Progress:
    """How far a confirmation that runs until pairs are decided has come."""

    runs: tuple[Run, ...]  # by number: the runs of all rounds so far, and of the round that runs now or next
    rounds: int  # how many rounds have ended
    pairs: tuple[Pair, ...]
    is_over: bool

    def still_open(self) -> list[Pair]:
        """The pairs that no round has decided yet."""
        return [pair for pair in self.pairs if pair.state == "open"]


@dataclass(frozen=True)
class Decided:
    """The outcome of a confirmation that ran until pairs were decided, as verdict.json keeps it."""

    rule: str
    plan: Rule
    rounds: int
    seeds: int  # the most seeds that any configuration ran on
    runs: int
    pairs: tuple[Pair, ...]


def planned_looks(most: int) -> tuple[int, ...]:
    """How many seeds have run at each look, ascending: equal steps down from `most`, none below MIN_SEEDS."""
    step = max(FEWEST_STEP, math.ceil(most / MOST_LOOKS))
    return tuple(range(most, MIN_SEEDS - 1, -step))[::-1]


def make_rule(candidates: int, smallest: float, max_seeds: int) -> Rule:
    """Declare the rule. Looks that cannot end any pair are left out.

    Args:
        candidates: how many configurations are compared.
        smallest: D, the smallest difference that matters.
        max_seeds: the most seeds that may run.
    """
    pairs, looks = math.comb(candidates, 2), planned_looks(max_seeds)
    found = bounds(looks, tuple(n / max_seeds for n in looks), (1 - LEVEL) / pairs, obrien_fleming)
    useful = [(n, bound) for n, bound in zip(looks, found, strict=True) if math.isfinite(bound)]
    return Rule(smallest, max_seeds, tuple(n for n, _ in useful), tuple(bound for _, bound in useful), pairs)


def as_plan(rule: Rule) -> dict[str, Any]:
    """The rule as plain values, for the plan in a confirmation's search.json."""
    return {"rule": RULE} | vars(rule) | {"looks": list(rule.looks), "bounds": list(rule.bounds)}


def read_rule(kept: Mapping[str, Any]) -> Rule:
    """The rule from the plain values that `as_plan` made."""
    told = {name: kept[name] for name in Rule.__dataclass_fields__}
    return Rule(**told | {"looks": tuple(kept["looks"]), "bounds": tuple(kept["bounds"])})


def progress(rule: Rule, labels: Sequence[str], history: History) -> Progress:
    """Replay the rounds of a confirmation from its history, so that a killed confirmation continues where it stopped.

    Args:
        rule: the declared rule.
        labels: the labels of the candidates, in the order of the plan.
        history: the confirmation's history.
    """
    scores: list[dict[int, float]] = [{} for _ in labels]
    runs: list[Run] = []
    pairs = tuple(Pair(a, b, "open", None, 0, 0, None, None) for a, b in combinations(labels, 2))
    going, before = set(range(len(labels))), 0
    for number, look in enumerate(rule.looks, 1):
        added = [(place, k) for k in range(before, look) for place in sorted(going)]
        first, before = len(runs), look
        runs += added
        trials = [history.trials.get(first + nth) for nth in range(len(added))]
        if any(trial is None or trial.state not in ENDED for trial in trials):
            return Progress(tuple(runs), number - 1, pairs, is_over=False)
        for (place, k), trial in zip(added, trials, strict=True):
            if trial is not None and trial.state == "finished":
                scores[place][k] = trial.epochs[trial.epoch][SCORE]
        of = dict(zip(labels, scores, strict=True))
        pairs = tuple(
            pair if pair.state != "open" else settle(rule, pair.a, pair.b, of[pair.a], of[pair.b], number)
            for pair in pairs
        )
        going = {place for place, label in enumerate(labels) if any(_is_open(pair, label) for pair in pairs)}
        if not going:
            break
    return Progress(tuple(runs), number, pairs, is_over=True)


def _is_open(pair: Pair, label: str) -> bool:
    return pair.state == "open" and label in (pair.a, pair.b)


def settle(rule: Rule, a: str, b: str, of_a: Mapping[int, float], of_b: Mapping[int, float], rounds: int) -> Pair:
    """The state of a pair after `rounds` rounds, with a look after each round until the pair is decided.

    A look is left out, and spends no α, if fewer than MIN_SEEDS seeds gave both scores, or fewer than FEWEST_NEW of
    them are new since the last look. If all differences are equal there is no spread to judge by, and the pair stays
    open. If one of the two gave no score at all, the pair is dropped.

    Args:
        rule: the declared rule.
        a: one label.
        b: the other label.
        of_a: the scores of `a`, by the seed's position in the plan.
        of_b: the scores of `b`, in the same way.
        rounds: how many rounds have ended.
    """
    if not (of_a and of_b):
        return Pair(a, b, "dropped", None, rounds, 0, None, None)
    seen: list[int] = []
    newest = Pair(a, b, "open", None, rounds, 0, None, None)
    for number, look in enumerate(rule.looks[:rounds], 1):
        shared = [k for k in range(look) if k in of_a and k in of_b]
        if len(shared) < MIN_SEEDS or len(shared) - (seen[-1] if seen else 0) < FEWEST_NEW:
            continue
        seen.append(len(shared))
        told = _summary(of_a[k] - of_b[k] for k in shared)
        bound = rule.bound(seen, is_last=number == len(rule.looks))
        if told.mean is None or not told.sd or not math.isfinite(bound):
            newest = Pair(a, b, "open", None, number, len(shared), told.mean, None)
            continue
        half = bound * told.sd / math.sqrt(told.n)
        interval = Interval(told.mean - half, told.mean + half, COVERS)
        state, better = _claim(interval, rule.smallest, a, b)
        newest = Pair(a, b, state, better, number, told.n, told.mean, interval)
        if state != "open":
            break
    return newest


def _summary(differences: Iterator[float]) -> Summary:
    return summary("", (0.0 if abs(value) < 1e-12 else value for value in differences), LEVEL)


def _claim(interval: Interval, smallest: float, a: str, b: str) -> tuple[State, str | None]:
    if interval.low > 0 or interval.high < 0:
        return "better", a if interval.low > 0 else b
    return ("no difference" if -smallest < interval.low and interval.high < smallest else "open"), None


def chance_to_decide(rule: Rule, effect: float) -> float:
    """The smaller of two chances: to find a winner, and to find "no difference".

    The first is for a true difference of the size `effect`, the second for a true difference of 0. Only a decision
    after all `rule.max_seeds` seeds counts, not one in an earlier round.

    Args:
        rule: the declared rule.
        effect: the difference that matters, in standard deviations of a paired difference.
    """
    n, bound = rule.max_seeds, rule.bounds[-1]
    at, of = np.polynomial.legendre.leggauss(64)
    sds = np.sqrt(special.chdtri(n - 1, (1 - at) / 2) / (n - 1))  # quantiles of the sample's sd, in true sds
    room = math.sqrt(n) * effect - bound * sds  # how far the mean may lie from 0, in standard errors
    alike = float((of / 2 * np.clip(2 * special.ndtr(room) - 1, 0, None)).sum())
    return min(power_of(effect, n, bound), alike)


def smallest_decidable(candidates: int, max_seeds: int) -> float:
    """The smallest D, in sds of a paired difference, for which `max_seeds` seeds decide a pair with probability POWER.

    See `chance_to_decide`. `candidates` is the number of configurations, whose pairs share α.
    """
    rule, low, high = make_rule(candidates, 1.0, max_seeds), 0.0, 1 / math.sqrt(max_seeds)
    while chance_to_decide(rule, high) < POWER:
        low, high = high, 2 * high
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if chance_to_decide(rule, middle) >= POWER else (middle, high)
    return high


def seeds_to_decide(candidates: int, effect: float) -> int | None:
    """The smallest `max_seeds` with which a pair is decided with probability POWER, for a D of `effect` sds.

    At least FEWEST_SEEDS; None if more than MAX_SEEDS would be needed. See `smallest_decidable`.
    """
    low, high = FEWEST_SEEDS, MAX_SEEDS
    if smallest_decidable(candidates, high) > effect:
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if smallest_decidable(candidates, middle) <= effect else (middle + 1, high)
    return low
