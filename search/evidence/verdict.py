"""Which configuration is better, as far as scores from fresh paired seeds can tell, in words.

The statistics are in search.evidence.paired_tests. Scores are shares in [0, 1].
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search.evidence.paired_tests import (
    LUCK,
    MAX_SEEDS,
    MIN_SEEDS,
    MIN_TO_COUNT,
    Comparison,
    Summary,
    check_scores,
    comparisons,
    summary,
)


@dataclass(frozen=True)
class Verdict:
    """The verdict of a confirmation. Labels and pairs are in the order in which the scores were given."""

    labels: tuple[Summary, ...]
    pairs: tuple[Comparison, ...]
    best: str  # the label that comes first; see `judge`, `verdict_by_rule` and `untested`, which make verdicts
    seeds: int  # how many seeds have a score of at least one label
    missing: int  # how many scores are missing, over all labels and these seeds
    level: float
    sentence: str
    caveats: tuple[str, ...]

    def against(self, label: str) -> list[Comparison]:
        """The comparisons of `label` with each other label; in each of them, `label` is a."""
        return _against(label, self.pairs)

    def in_words(self) -> str:
        """The verdict and its caveats, as one text."""
        return " ".join((self.sentence, *self.caveats))


def judge(scores: Mapping[str, Mapping[int, float]], level: float = 0.95) -> Verdict:
    """Compare configurations pair by pair, each pair on the seeds that both have.

    The best label is the one with the largest mean difference to the others. If no run is missing, this is the label
    with the highest mean.

    Args:
        scores: label -> seed -> score on the test split.
        level: the confidence level of every interval. 1 − level is the largest chance, over all pairs together, that
            equal configurations are called distinguishable.

    Raises:
        InputError: there is no score at all, or one that is not a number in [0, 1].
    """
    check_scores(scores)
    pairs = comparisons(scores, level)
    labels = tuple(summary(label, of.values(), level) for label, of in scores.items())
    scored = [one for one in labels if one.n]
    best = max(scored, key=lambda one: (_lead(one.label, pairs), one.mean))
    rivals = [pair for pair in _against(best.label, pairs) if pair.n]
    rivals.sort(key=lambda pair: pair.difference or 0.0)  # the runner-up first
    seeds = len(set().union(*scores.values()))
    missing = seeds * len(scores) - sum(len(of) for of in scores.values())
    return Verdict(labels, pairs, best.label, seeds, missing, level, _sentence(best, rivals), _caveats(best, missing))


def _against(label: str, pairs: Sequence[Comparison]) -> list[Comparison]:
    return [pair if pair.a == label else pair.swapped() for pair in pairs if label in (pair.a, pair.b)]


def _lead(label: str, pairs: Sequence[Comparison]) -> float:
    """A label's mean paired difference to the others; minus infinity if no pair has one.

    Unlike a mean score, the mean difference does not rise if the label's runs on hard seeds fail.
    """
    leads = [pair.difference for pair in _against(label, pairs) if pair.difference is not None]
    return sum(leads) / len(leads) if leads else -math.inf


def _sentence(best: Summary, rivals: Sequence[Comparison]) -> str:
    """The verdict in a sentence. `rivals` compare the best with each other label, the smallest difference first."""
    if not rivals:
        return (
            f"{best.label} has a mean of {best.mean:.4f} over {_seeds([best.n])}; there is nothing to compare it with."
        )
    first = f"{best.label} comes first with a mean of {best.mean:.4f}"
    beaten = [pair for pair in rivals if pair.distinguishable]
    above = [pair for pair in beaten if (pair.difference or 0) < 0]  # possible only if runs are missing
    open_ = [pair for pair in rivals if not pair.distinguishable]
    seeds = _seeds([pair.n for pair in rivals])
    if max(pair.n for pair in rivals) < MIN_SEEDS:
        said = f"{seeds} cannot discriminate (at least {MIN_SEEDS} are needed), though {first}"
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
    """A clause that says how many seeds would distinguish the two labels of a pair."""
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
