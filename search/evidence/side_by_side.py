"""Compare searches on the same data: the best trial of each, how soon it was found, and what fresh seeds say.

A search's own best score is from one split and one initialisation, and partly luck. So two searches are told apart only
by fresh seeds that both ran on, in a last step or a confirmation, paired by seed.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from search.evidence.paired_tests import MIN_SEEDS, Comparison, comparisons
from search.evidence.ranking import Validated, ranking
from search.evidence.standard_error import error_of_score
from search.journal.history import History, Trial
from search.storage.search_folder import SearchFolder
from trainers.errors import InputError

LEVEL = 0.95
STEPS = 4  # how often the best score so far is told, besides at each search's end


@dataclass(frozen=True)
class Side:
    """One of the compared searches."""

    name: str
    best: Trial | None  # the first in the search's ranking
    error: float | None  # the standard error of that trial's score, from the validation images
    validated: Validated | None  # that trial's scores on fresh seeds
    ended: int  # how many trials have ended
    seconds: float | None  # how long its drivers ran; None if that is not known
    curve: tuple[float | None, ...]  # the best score so far for each trial that has begun, see `_curve`

    @property
    def begun(self) -> int:
        """How many trials have reported an epoch, or have ended."""
        return len(self.curve)

    def best_after(self, count: int) -> float | None:
        """The best score before the trial after `count` others began; None if fewer have begun, or none had a score."""
        return self.curve[count - 1] if count <= self.begun else None


@dataclass(frozen=True)
class SideBySide:
    """Searches on the same data, by the same metric."""

    metric: str
    data: str
    after: tuple[int, ...]  # numbers of begun trials at which `Side.best_after` is shown
    sides: tuple[Side, ...]
    pairs: tuple[Comparison, ...]  # of the best trials, on the fresh seeds that both have; no pair without such a seed

    def as_json(self) -> dict[str, Any]:
        """The comparison as plain values, for JSON."""
        searches = [
            {
                "name": side.name,
                "best": None
                if side.best is None
                else {"trial": side.best.number, "family": side.best.family, "score": side.best.score},
                "error": side.error,
                "fresh_seeds": None if side.validated is None else side.validated.scores,
                "begun": side.begun,
                "ended": side.ended,
                "seconds": None if side.seconds is None else round(side.seconds, 1),
                "best_so_far": {count: side.best_after(count) for count in self.after},
            }
            for side in self.sides
        ]
        pairs = [
            {
                "a": pair.a,
                "b": pair.b,
                "seeds": pair.n,
                "difference": pair.difference,
                "interval": None if pair.interval is None else [pair.interval.low, pair.interval.high],
                "distinguishable": pair.distinguishable,
            }
            for pair in self.pairs
        ]
        return {"metric": self.metric, "data": self.data, "searches": searches, "pairs": pairs}


def side_by_side(folders: Sequence[SearchFolder]) -> SideBySide:
    """Compare searches by their best trials.

    Args:
        folders: two searches or more.

    Raises:
        InputError: there are fewer than two searches, or their data or metrics differ, so that scores cannot be
            compared.
    """
    if len({folder.path for folder in folders}) < 2:
        raise InputError("compare: name two searches or more")
    first, *others = folders
    metric, data = first.spec().search.metric, first.about()["provenance"]["data"]
    for other in others:
        if other.about()["provenance"]["data"]["fingerprint"] != data["fingerprint"]:
            raise InputError(f"{first.title} and {other.title} are on other data, so their scores cannot be compared")
        if (its := other.spec().search.metric) != metric:
            raise InputError(f"{first.title} is scored by {metric} and {other.title} by {its}: they cannot be compared")
    histories = [folder.history() for folder in folders]
    sides = tuple(_side(folder, history) for folder, history in zip(folders, histories, strict=True))
    begun = [side.begun for side in sides]
    steps = {max(begun) * step // STEPS for step in range(1, STEPS + 1)}
    after = tuple(sorted(count for count in {*begun, *steps} if count))
    scores = {side.name: side.validated.scores for side in sides if side.validated is not None}
    pairs = tuple(pair for pair in comparisons(scores, LEVEL) if pair.n)
    return SideBySide(metric, data["description"], after, sides, pairs)


def _side(folder: SearchFolder, history: History) -> Side:
    ranked = ranking(folder, history)
    best = next(iter(ranked.trials), None)
    validation = folder.about()["provenance"]["data"]["validation"]
    return Side(
        folder.title,
        best,
        None if best is None else error_of_score(best, folder.spec().search.metric, validation),
        None if best is None else ranked.validated.get(best.number),
        len(history.in_state("finished", "stopped", "failed")),
        None if folder.is_published() else history.driven,
        tuple(_curve(history)),
    )


def _curve(history: History) -> Iterator[float | None]:
    """After each trial that has begun: the best score of those that had finished when the next one began.

    After the last one it is the best of all. Trials are counted as they begin, since most of those that pause end only
    with the search.
    """
    begun = sorted(trial.asked_at for trial in history.trials.values() if trial.epochs or trial.ended_at is not None)
    ends = ((trial.ended_at, trial.score) for trial in history.in_state("finished"))
    finished = deque(sorted((at, score) for at, score in ends if at is not None and score is not None))
    best: float | None = None
    for until in (*begun[1:], math.inf)[: len(begun)]:
        while finished and finished[0][0] <= until:
            _, score = finished.popleft()
            best = score if best is None else max(best, score)
        yield best


def in_words(found: SideBySide) -> Iterator[str]:
    """A sentence on each pair of searches: whether their best trials differ."""
    told = {(pair.a, pair.b): pair for pair in found.pairs}
    for one, other in combinations(found.sides, 2):
        pair = told.get((one.name, other.name))
        if pair is not None and pair.interval is not None and pair.difference is not None:
            yield _of_pair(pair)
        else:
            yield (
                f"{one.name} and {other.name} share no two fresh seeds: which of their best is better is not known "
                "beyond the error of their scores."
            )


def _of_pair(pair: Comparison) -> str:
    assert pair.interval is not None, "asked before"
    low, high = pair.interval.low, pair.interval.high
    line = f"{pair.a} − {pair.b}: {pair.difference:+.4f} ({low:+.4f} to {high:+.4f}, 95 %) on {pair.n} fresh seeds"
    if pair.distinguishable:
        return f"{line}: they differ."
    if pair.n < MIN_SEEDS:
        return f"{line}: too few seeds to say that they differ; {MIN_SEEDS} or more are needed."
    return f"{line}: they cannot be told apart."
