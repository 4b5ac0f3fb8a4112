"""How much paired differences of scores vary from seed to seed, and what difference N seeds can detect."""

import math
from dataclasses import dataclass
from statistics import stdev

import numpy as np
from scipy import special

from search.evidence.candidates import read_plan, runs_of
from search.evidence.paired_tests import MIN_TO_COUNT, POWER, Floats, power_of
from search.journal.history import History
from search.storage.search_folder import SearchFolder

DECIDING = "test_balanced_accuracy"  # the score by which a confirmation's pairs are compared
FEWEST_SCORES = 4  # the fewest scores of a search from which a spread is guessed


@dataclass(frozen=True)
class Spread:
    """The expected spread of a paired difference."""

    sd: float  # from seed to seed
    source: str  # the scores that the sd comes from, in words


def expected_spread(searched: SearchFolder, history: History) -> Spread | None:
    """The sd of a paired difference from seed to seed, averaged over pairs (as variances); None if unknown.

    The sd comes from the test scores of the newest confirmation that has two candidates or more, all with scores on at
    least MIN_TO_COUNT seeds. Otherwise it comes from the validation scores of the last step, which vary more if there
    are fewer images. Otherwise the sd is a guess: that of the scores of the search's finished trials. In the three
    published studies, the guess was .8 to 1.2 times the sd of the paired differences.
    """
    for confirmation in reversed(searched.confirmations()):
        table = paired_scores(confirmation, DECIDING)
        if len(table) >= MIN_TO_COUNT and table.shape[1] > 1 and (sd := pooled_sd([table])) > 0:
            return Spread(sd, f"seen in {confirmation.name} on {len(table)} seeds")
    metric = searched.spec().search.metric_key
    tables = [paired_scores(final, metric) for final in searched.finals()]
    if (sd := pooled_sd(tables)) > 0:
        seeds = max(map(len, tables))
        return Spread(sd, f"seen in the last step on {seeds} seeds, on validation images")
    scores = [trial.score for trial in history.in_state("finished") if trial.score is not None]
    if len(scores) >= FEWEST_SCORES and (sd := stdev(scores)) > 0:
        return Spread(sd, "a guess: that of the search's own scores")
    return None


def paired_scores(folder: SearchFolder, metric: str) -> Floats:
    """[seeds, candidates]: scores in a confirmation or a last step, on the seeds that gave every candidate a score."""
    chosen, seeds = read_plan(folder)
    history, table = folder.history(), np.full((len(seeds), len(chosen)), math.nan)
    for number, (place, k) in enumerate(runs_of(folder, history)):
        trial = history.trials.get(number)
        if place < len(chosen) and trial is not None and trial.state == "finished":
            table[k, place] = trial.epochs[trial.epoch].get(metric, math.nan)
    whole: Floats = table[~np.isnan(table).any(axis=1)]
    return whole


def pooled_sd(tables: list[Floats]) -> float:
    """The sd of a paired difference: the root of its mean variance over all pairs of a table's columns.

    Each table is [seeds, configurations]. The mean variance is twice the mean square of what rows and columns leave
    unexplained (two-way analysis of variance). Tables are weighted by their degrees of freedom. 0 if no table has two
    rows and two columns.
    """
    squares, freedom = 0.0, 0
    for table in tables:
        if min(table.shape) < 2:
            continue
        left = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
        squares += float((left**2).sum())
        freedom += (table.shape[0] - 1) * (table.shape[1] - 1)
    return math.sqrt(2 * squares / freedom) if freedom else 0.0


def smallest_effect(seeds: int, alpha: float, power: float = POWER) -> float:
    """The smallest mean difference, in sds, that a two-sided paired t test finds with probability `power`.

    `seeds` is at least 2; `alpha` is the level of the test.
    """
    critical = float(special.stdtrit(seeds - 1, 1 - alpha / 2))
    low, high = 0.0, 1 / math.sqrt(seeds)
    while power_of(high, seeds, critical) < power:
        high *= 2
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if power_of(middle, seeds, critical) < power else (low, middle)
    return high
