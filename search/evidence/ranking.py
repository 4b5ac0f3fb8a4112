"""Which trial of a search is best: by its mean on fresh seeds if the best few ran on some, else in the search's order.

A search's own score comes from one split and one initialisation, and the best of many such scores is partly luck. The
scores on fresh seeds do not decide which trials run on these seeds, so their mean is a fair estimate for each trial.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Literal, TypeAlias

from search.evidence.candidates import Candidate, best_candidates, has_ended, read_plan, runs_of
from search.journal.history import History, Trial
from search.journal.tables_read import damaged_table, leaderboard_order
from search.storage.search_folder import SearchFolder
from spaces.spec import SearchSpec
from trainers.errors import InputError

Basis: TypeAlias = Literal["search", "final", "confirm"]


@dataclass(frozen=True)
class Validated:
    """A trial's configuration on fresh seeds, scored by the search's metric on validation images."""

    scores: dict[int, float]  # by seed
    failed: int  # how many runs gave no score

    @property
    def mean(self) -> float:
        """The mean over the seeds that gave a score; minus infinity if none did."""
        return mean(self.scores.values()) if self.scores else -math.inf

    @property
    def error(self) -> float | None:
        """The standard error of the mean from seed to seed; None if fewer than two seeds gave a score."""
        return stdev(self.scores.values()) / math.sqrt(len(self.scores)) if len(self.scores) > 1 else None

    def in_words(self) -> str:
        """The mean and its error."""
        return f"{self.mean:.4f}" + ("" if self.error is None else f" ± {self.error:.4f}")


@dataclass(frozen=True)
class Ranking:
    """All finished trials of a search, best first. Trials with a mean on fresh seeds come before those without."""

    basis: Basis
    trials: list[Trial]
    validated: dict[int, Validated]  # by the trial's number; empty if `basis` is search
    own: tuple[int, ...] = ()  # the trials' numbers in the search's own order; empty if `basis` is search

    @property
    def seeds(self) -> int:
        """How many fresh seeds the trials ran on; 0 if none did."""
        return max((len(one.scores) + one.failed for one in self.validated.values()), default=0)


def ranking(folder: SearchFolder, history: History, by: Basis | None = None) -> Ranking:
    """Rank a search's finished trials.

    Args:
        folder: the search's folder.
        history: the search's history.
        by: what the ranking is based on. None: the last confirmation that has ended, else the last step, else the
            search's own scores. A last step counts if it has run all trials that are the search's best few now.

    Raises:
        InputError: `by` is confirm and no confirmation has ended, or `by` is final and the last step is not complete.
    """
    if folder.is_published():
        return _published(folder, history)
    if by in (None, "confirm"):
        confirmed = [one for one in folder.confirmations() if has_ended(one)]
        if confirmed:
            return _ranked("confirm", history, _validated_in(confirmed[-1]))
        if by is not None:
            raise InputError(f"{folder.name} has not been confirmed; `{folder.hint('confirm')}` does it")
    if by == "search":
        return Ranking("search", history.ranked(), {})
    found = last_step(folder, history)
    if by == "final" and found.basis != "final":
        mend = (
            "its spec has no search.final"
            if folder.spec().search.final is None
            else f"`{folder.hint('resume')}` does it"
        )
        raise InputError(f"{folder.name} has not validated its best trials on fresh seeds: {mend}")
    return found


def last_step(folder: SearchFolder, history: History) -> Ranking:
    """Rank a search's finished trials by its last step if that is complete, else by their own scores."""
    final = folder.spec().search.final
    if final is None or not history.ranked() or lacking(folder, history, final.top):
        return Ranking("search", history.ranked(), {})
    found: dict[int, Validated] = {}
    for one in folder.finals():
        found |= _validated_in(one)
    return _ranked("final", history, found)


def lacking(folder: SearchFolder, history: History, top: int) -> list[Candidate]:
    """The trials among the search's `top` best that its last step has not yet run on all fresh seeds."""
    done = {one.trial for final in folder.finals() if has_ended(final) for one in read_plan(final)[0]}
    return [one for one in best_candidates(history, top) if one.trial not in done]


def is_wanted(folder: SearchFolder, spec: SearchSpec, history: History) -> bool:
    """Whether a search whose trials have ended has a last step to run or to continue."""
    final = spec.search.final
    return final is not None and bool(lacking(folder, history, final.top))


def in_words(ranked: Ranking) -> Iterator[str]:
    """Sentences on what the fresh seeds changed; none if the search's own scores decide the ranking."""
    if not ranked.validated:
        return
    first = ranked.trials[0]
    found = ranked.validated.get(first.number)
    if found is None or not found.scores:
        yield f"None of the best few gave a score on {ranked.seeds} fresh seeds: the search's own scores rank the rest."
        return
    place = ranked.own.index(first.number) + 1
    before = "the search had it first too" if place == 1 else f"the search had it in place {place}"
    error = "" if found.error is None else " (standard error from seed to seed)"
    seeds = f"{ranked.seeds} fresh seed{'s' if ranked.seeds > 1 else ''}"
    yield f"On {seeds} trial {first.number} ({first.family}) is best with {found.in_words()}{error}; {before}."
    if found.error is not None:
        others = [one for number, one in ranked.validated.items() if number != first.number]
        near = sum(found.mean - one.mean <= found.error for one in others)
        if others:
            lie = "lies" if near == 1 else "lie"
            yield f"{near} of the other {len(others)} that ran on these seeds {lie} within one standard error of it."
    then = next(trial for trial in ranked.trials if trial.number == ranked.own[0])
    came_back = ranked.validated.get(then.number)
    if came_back is not None and came_back.scores and then.score is not None:
        drop = then.score - came_back.mean
        best = "The search's best score" if then.decided is None else "The score of the search's first"
        yield (
            f"{best}, {then.score:.4f} of trial {then.number}, is {came_back.mean:.4f} on them"
            + (f": a drop of {drop:.4f}." if drop > 0 else ".")
        )
    failed = {number: one.failed for number, one in ranked.validated.items() if one.failed}
    for number, runs in failed.items():
        yield f"Trial {number} failed on {runs} of {ranked.seeds} seeds, and ranks after those that did not."


def _published(folder: SearchFolder, history: History) -> Ranking:
    """Rank a published search as its leaderboard does, which was written when the journals were there.

    If the means on the fresh seeds of its last confirmation give the same order, they are a part of the ranking. The
    leaderboard of an older version was ranked by scores alone.
    """
    order = leaderboard_order(folder.leaderboard)
    verdicts = [one.verdict for one in folder.confirmations() if one.verdict.exists()]
    if verdicts:
        ranked = _ranked("confirm", history, _validated_by(verdicts[-1]))
        if [trial.number for trial in ranked.trials] == order:
            return ranked
    return Ranking("search", [history.trials[number] for number in order], {})


def _validated_by(verdict: Path) -> dict[int, Validated]:
    """What `_validated_in` finds, read from a confirmation's verdict.json.

    Raises:
        InputError: verdict.json is damaged.
    """
    try:
        told = json.loads(verdict.read_text(encoding="utf-8"))
        scores = {one["trial"]: told["scores"][told["metric"]][one["label"]] for one in told["candidates"]}
        seeds = list(map(str, told["seeds"]))
        if told.get("until_decided") is not None:  # later rounds run only some candidates
            seeds = [seed for seed in seeds if all(seed in of for of in scores.values())]
        found = {trial: {int(seed): of[seed] for seed in seeds if seed in of} for trial, of in scores.items()}
        return {trial: Validated(of, len(seeds) - len(of)) for trial, of in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged_table(verdict, error) from None


def _ranked(basis: Basis, history: History, found: dict[int, Validated]) -> Ranking:
    own = history.ranked()
    place = {trial.number: rank for rank, trial in enumerate(own)}

    def key(trial: Trial) -> tuple[int, float, int]:
        one = found.get(trial.number)
        if one is None:
            return 2, 0.0, place[trial.number]
        if not one.scores:  # it failed on every seed
            return 3, 0.0, place[trial.number]
        return int(one.failed > 0), -one.mean, place[trial.number]

    of_these = {number: one for number, one in found.items() if number in place}
    return Ranking(basis, sorted(own, key=key), of_these, tuple(place))


def _validated_in(folder: SearchFolder) -> dict[int, Validated]:
    """The results of a last step or a confirmation, by the number of the search's trial.

    Only those seeds count on which all candidates run. Later rounds of a confirmation run only some candidates.
    """
    chosen, seeds = read_plan(folder)
    history = folder.history()
    number_of = {run: number for number, run in enumerate(runs_of(folder, history))}
    shared = [k for k in range(len(seeds)) if all((place, k) in number_of for place in range(len(chosen)))]
    found = {}
    for place, candidate in enumerate(chosen):
        runs = {seeds[k]: history.trials.get(number_of[place, k]) for k in shared}
        scores = {
            seed: run.score
            for seed, run in runs.items()
            if run is not None and run.state == "finished" and run.score is not None
        }
        found[candidate.trial] = Validated(scores, len(runs) - len(scores))
    return found
