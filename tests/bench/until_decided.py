"""Which rule decides `confirm --until-decided`: rules compared on simulated and on resampled published differences.

    python tests/bench/until_decided.py [--runs 10000] > results/bench/until_decided.md

A pair ends at the first look where its interval leaves 0 out ("better") or lies within ±D ("no difference"). A claim is
false when it names the worse one, when it names one though there is no difference, and when it says "no difference"
though |δ| ≥ D. One core, half a minute.
"""

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy import stats

from search.evidence.group_sequential import bounds, obrien_fleming, pocock
from search.evidence.until_decided import FEWEST_SEEDS, planned_looks

STUDIES = ("fmnist-60-40", "fmnist-90-10", "fmnist-98-2")
RESULTS = Path(__file__).parents[2] / "results"
LEVEL = 0.95
RULES = ("fixed", "t mixture", "O'Brien-Fleming", "Pocock")


@dataclass(frozen=True)
class Case:
    """A simulated confirmation. Scores are in units of the sd of a paired difference, or resampled as they are."""

    name: str
    means: tuple[float, ...]  # of the configurations, in units of D
    smallest: float  # D
    most: int  # seeds
    published: str | None = None  # whose scores are resampled; None: normal ones


@cache
def published(name: str) -> np.ndarray:
    """[seeds, configurations]: test scores of a published study, each configuration's mean taken off."""
    told = json.loads((RESULTS / name / "confirm-1" / "verdict.json").read_text(encoding="utf-8"))
    table = np.array([list(of.values()) for of in told["scores"]["test_balanced_accuracy"].values()]).T
    return table - table.mean(0)


def pooled(name: str) -> float:
    """The sd of a paired difference of a published study, averaged over its pairs (as variances)."""
    table = published(name)
    return math.sqrt(np.mean([np.var(table[:, a] - table[:, b], ddof=1) for a, b in _pairs(table.shape[1])]))


def _pairs(count: int) -> list[tuple[int, int]]:
    return list(combinations(range(count), 2))


def differences(case: Case, runs: int, rng: np.random.Generator) -> np.ndarray:
    """[runs, pairs, seeds] paired differences."""
    count, means = len(case.means), np.array(case.means) * case.smallest
    if case.published is None:
        scores = rng.normal(0, math.sqrt(0.5), (runs, case.most, count))
    else:
        table = published(case.published)
        scores = table[rng.integers(0, len(table), (runs, case.most))]
    scores = scores + means
    return np.stack([scores[..., a] - scores[..., b] for a, b in _pairs(count)], axis=1)


def mixture_bound(n: int, alpha: float, most: int) -> float:
    """The bound of |t| of a t-mixture confidence sequence after n differences, tightest at `most`.

    The likelihood ratio of δ/σ ~ N(0, g) to δ = 0, with σ integrated out, is (1+ng)^(−1/2) ((1+y)/(1+y/(1+ng)))^(n/2),
    where y = t²/(n−1): the integrand of the Bayes factor of Rouder et al. 2009 (Psychon. Bull. Rev. 16:225-237). It is
    the Gaussian mixture of Wang and Ramdas 2023 (arXiv 2310.03722), a martingale of scale-invariant statistics; so by
    Ville's inequality it passes 1/α with probability α at most, at whatever n.
    """
    return _mixture(n, alpha, _tightest(alpha, most))


@cache
def _tightest(alpha: float, most: int) -> float:
    return min(np.geomspace(1e-3, 100, 400), key=lambda g: _mixture(most, alpha, g))


def _mixture(n: int, alpha: float, g: float) -> float:
    grown = (math.sqrt(1 + n * g) / alpha) ** (2 / n)
    left = 1 - grown / (1 + n * g)
    return math.sqrt((n - 1) * (grown - 1) / left) if left > 0 else math.inf


def looks_and_bounds(rule: str, most: int, alpha: float) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """When a rule looks, and its bounds of |t|."""
    looks = planned_looks(most)
    if rule == "fixed":
        return (most,), (float(stats.t.ppf(1 - alpha / 2, most - 1)),)
    if rule == "t mixture":
        return looks, tuple(mixture_bound(n, alpha, most) for n in looks)
    spending = obrien_fleming if rule.startswith("O'Brien-Fleming") else pocock
    shares = tuple(n / most for n in looks)
    if rule.endswith("(normal)"):  # the textbook's bounds, of a known spread, on t statistics
        return looks, bounds(tuple(1000 * n for n in looks), shares, alpha, spending)
    return looks, bounds(looks, shares, alpha, spending)


@dataclass(frozen=True)
class Outcome:
    """What a rule came to over all runs."""

    false: float  # share of runs with any false claim
    found: float  # share of pairs at least D apart that got their winner; NaN where there are none
    alike: float  # share of pairs without a difference that were told so
    seeds: float  # mean over pairs
    cost: float  # runs, as a share of a run for each configuration on each of the most seeds


def judged(case: Case, rule: str, drawn: np.ndarray) -> Outcome:
    """Apply a rule to differences, [runs, pairs, seeds]."""
    count = len(case.means)
    pairs = _pairs(count)
    looks, edges = looks_and_bounds(rule, case.most, (1 - LEVEL) / len(pairs))
    total, squares = drawn.cumsum(-1), (drawn**2).cumsum(-1)
    claim = np.zeros(drawn.shape[:2], dtype=int)  # 1, −1: better; 2: no difference; 0: open
    used = np.full(drawn.shape[:2], case.most)
    for n, edge in zip(looks, edges, strict=True):
        mean = total[..., n - 1] / n
        sd = np.sqrt(np.maximum(squares[..., n - 1] - n * mean**2, 0) / (n - 1))
        half = edge * sd / math.sqrt(n) if math.isfinite(edge) else np.full_like(sd, np.inf)
        better, alike = np.abs(mean) > half, np.abs(mean) + half < case.smallest
        now = (claim == 0) & (better | alike) & (sd > 0)
        claim[now] = np.where(better, np.sign(mean), 2)[now]
        used[now] = n
    truth = np.array([case.means[a] - case.means[b] for a, b in pairs])
    wrong = ((np.abs(claim) == 1) & (claim != np.sign(truth))) | ((claim == 2) & (np.abs(truth) >= 1 - 1e-9))
    apart, same = np.abs(truth) >= 1 - 1e-9, truth == 0
    ran = np.stack([used[:, [k for k, pair in enumerate(pairs) if c in pair]].max(1) for c in range(count)], 1)
    return Outcome(
        false=float(wrong.any(1).mean()),
        found=float((claim == np.sign(truth))[:, apart].mean()) if apart.any() else math.nan,
        alike=float((claim == 2)[:, same].mean()) if same.any() else math.nan,
        seeds=float(used.mean()),
        cost=float(ran.mean() / case.most),
    )


TRUTHS = {
    "all equal": lambda count: (0.0,) * count,
    "one apart by D": lambda count: (1.0,) + (0.0,) * (count - 1),
    "one apart by 2 D": lambda count: (2.0,) + (0.0,) * (count - 1),
    "a ladder in steps of D": lambda count: tuple(float(k) for k in range(count)),
}


def cases() -> Iterator[Case]:
    """All that is simulated."""
    for count, smallest, most in ((2, 0.8, 30), (4, 1.0, 30), (5, 1.0, 30), (5, 0.7, 60)):
        for name, means in TRUTHS.items():
            yield Case(f"normal, {count} configurations, D = {smallest} sd; {name}", means(count), smallest, most)
    for study in STUDIES:
        spread, count = pooled(study), published(study).shape[1]
        for most, factor in ((20, 1), (30, 1), (30, 2), (60, 1)):
            smallest = round(factor * spread, 4)
            for name, means in TRUTHS.items():
                told = f"{study} resampled, {count} configurations, D = {smallest}; {name}"
                yield Case(told, means(count), smallest, most, study)


def table(rows: list[tuple[Case, str, Outcome]]) -> Iterator[str]:
    """Markdown."""
    yield "| case | seeds | rule | false claims | winner found | no difference found | seeds a pair | runs |"
    yield "| --- | --: | --- | --: | --: | --: | --: | --: |"
    before = None
    for case, rule, of in rows:
        first = (case.name, str(case.most)) if case is not before else ("", "")
        before = case
        shown = ["" if math.isnan(value) else f"{value:.3f}" for value in (of.found, of.alike)]
        yield f"| {' | '.join((*first, rule, f'{of.false:.4f}', *shown, f'{of.seeds:.1f}', f'{of.cost:.2f}'))} |"


def summary(rows: list[tuple[Case, str, Outcome]]) -> Iterator[str]:
    """Markdown: each rule over all cases of at least FEWEST_SEEDS seeds; the most false claims of any of them."""
    yield "| rule | most false claims | winner found | no difference found | seeds a pair | runs | most with 20 seeds |"
    yield "| --- | --: | --: | --: | --: | --: | --: |"
    for rule in RULES:
        of = [outcome for case, told, outcome in rows if told == rule and case.most >= FEWEST_SEEDS]
        fewer = max(outcome.false for case, told, outcome in rows if told == rule and case.most < FEWEST_SEEDS)
        shown = [f"{np.nanmean([getattr(one, name) for one in of]):.3f}" for name in ("found", "alike")]
        cost = [f"{np.mean([one.seeds for one in of]):.1f}", f"{np.mean([one.cost for one in of]):.2f}"]
        yield f"| {' | '.join((rule, f'{max(one.false for one in of):.4f}', *shown, *cost, f'{fewer:.4f}'))} |"


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    given = parser.parse_args()
    began = time.perf_counter()
    rows: list[tuple[Case, str, Outcome]] = []
    for seed, case in enumerate(cases()):
        drawn = differences(case, given.runs, np.random.default_rng(seed))
        rules = (*RULES, "O'Brien-Fleming (normal)", "Pocock (normal)") if len(case.means) == 2 else RULES
        rows += [(case, rule, judged(case, rule, drawn)) for rule in rules]
    spent = time.perf_counter() - began
    print(HEAD.format(runs=given.runs, spent=spent))
    print(*summary(rows), "", MIDDLE, *table(rows), sep="\n")


HEAD = """# Which rule decides `confirm --until-decided`

Seeds run in rounds until each pair of configurations has a winner or no difference as large as D, and at most so many
seeds run. Compared are: a fixed number of seeds (the t interval of the last look alone); a confidence sequence by a
mixture of t likelihood ratios, tightest at the last look; and a group-sequential t whose α is spent like O'Brien and
Fleming's or like Pocock's, with bounds that are exact for a t. All look at the same seeds and share α = .05 among the
pairs (Bonferroni). {runs:,} runs a row, {spent:.0f} s on one core: `python tests/bench/until_decided.py`.

*False claims*: the share of runs with any of them: the worse one is named, one is named though there is no difference,
or "no difference" is said though |δ| ≥ D, also where |δ| = D. *Winner found*: of pairs at least D apart; *no difference
found*: of pairs without a difference. *Runs*: as a share of those of the fixed number. "Resampled" draws the seeds of a
published study (results/) with replacement, each configuration's mean shifted to what the case says; D is one or two
times the sd of a paired difference there.

**Taken: O'Brien-Fleming.** It decides as often as the fixed number of seeds does, with three tenths fewer runs.
Pocock's ends earlier, but decides less, and in its early looks skewed differences spoil the t: it claims too much. The
confidence sequence decides less at the same cost, as it holds for any number of looks, where ours are few and planned.
With at most 20 seeds only that one keeps .055 on the study of 60:40, where one seed of 20 is an outlier; the fixed
number does not either. So `--max-seeds` begins at 30. The bounds of a known spread, read as bounds of a t (the rows
named "normal"), would claim too much already with normal differences.

Over all cases of 30 seeds or more:
"""
MIDDLE = "Every case:\n"


if __name__ == "__main__":
    main()
