"""The trials given to Optuna's samplers: each ended trial is converted once, and no more are given than are of use.

An ask of TPE takes time in proportion to the number of trials. Its good set never has more than 25 of them; all others
only show where trials are not good. So of very many trials TPE gets the 25 best and a sample of the rest. The sample
depends on the trials' places only, so it changes little between asks, and a resumed search draws the same sample.
"""

import heapq
from bisect import insort
from collections.abc import Container, Iterable
from typing import Any

from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from search.algorithms.feasibility import Feasibility
from search.algorithms.optuna_trials import optuna_trial
from search.algorithms.told import Space, Told
from trainers.seeds import derive_seed

MOST_TOLD = 1000
BEST_TOLD = 25  # the most that Optuna's default_gamma takes for good
FIRST_NUMBER = 1  # Optuna's number of the first trial given; 0 is the trial that is asked for


class KnownTrials:
    """The trials of one space, for one sampler.

    Args:
        space: the searched fields by path.
        one_coordinate: see `optuna_trial`.
        most: how many ended trials are given at most; at least BEST_TOLD.
    """

    def __init__(self, space: Space, *, one_coordinate: bool = False, most: int = MOST_TOLD) -> None:
        self._space, self._one_coordinate, self._most = space, one_coordinate, most
        self._ended: dict[int, FrozenTrial] = {}  # by place, as below
        self.feasibility = Feasibility(space)
        self._best: list[tuple[tuple[float, ...], int]] = []  # rank and place of the best, best first
        self._drawn: list[tuple[int, int]] = []  # a heap of (negated draw, place): the smallest draws

    def told(self, trials: Iterable[Told]) -> list[FrozenTrial]:
        """The trials as Optuna gets them, in order. Each call must have all trials of the previous one."""
        running: dict[int, FrozenTrial] = {}
        for trial in trials:
            if trial.place in self._ended:
                continue
            told = optuna_trial(self._space, trial, one_coordinate=self._one_coordinate)
            told.number = FIRST_NUMBER + trial.place
            if trial.ended:
                self._ended[trial.place] = told
                self._take(trial.place, told)
                self.feasibility.add(trial)
            else:
                running[trial.place] = told
        both = {place: self._ended[place] for place in self._chosen()} | running
        return [both[place] for place in sorted(both)]

    def _take(self, place: int, told: FrozenTrial) -> None:
        """Rank an ended trial, and draw the number that decides whether it is in the sample."""
        insort(self._best, (rank(told), place))
        del self._best[BEST_TOLD:]
        heapq.heappush(self._drawn, (-derive_seed(0, "told", place), place))
        if len(self._drawn) > self._most:
            heapq.heappop(self._drawn)

    def _chosen(self) -> set[int]:
        if len(self._drawn) < self._most:
            return {place for _, place in self._drawn}
        best = {place for _, place in self._best}
        others = [place for _, place in sorted(self._drawn, reverse=True) if place not in best]
        return best | set(others[: self._most - len(best)])


def known_trials(space: Space, memory: dict[str, Any] | None, *, one_coordinate: bool = False) -> KnownTrials:
    """Those that a sampler's memory has from earlier asks; else new ones, which the memory then keeps."""
    kept = {} if memory is None else memory
    if "known" not in kept:
        kept["known"] = KnownTrials(space, one_coordinate=one_coordinate)
    known: KnownTrials = kept["known"]
    return known


def rank(told: FrozenTrial) -> tuple[float, ...]:
    """TPE's sort key of an ended trial; the best trial has the smallest.

    Complete trials come first, then pruned ones: the later a trial was pruned the better, and then by its value.
    """
    if told.state == TrialState.COMPLETE:
        assert told.value is not None, "a complete trial has a value"
        return 0.0, -told.value
    if not told.intermediate_values:
        return 2.0, 0.0
    epoch, value = max(told.intermediate_values.items())
    return 1.0, -epoch, -value


class ToldStorage(InMemoryStorage):
    """The storage of a study that is asked once. It returns the given trials without copying them."""

    def __init__(self, told: list[FrozenTrial]) -> None:
        super().__init__()
        self._told = told

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """The given trials, then the one that is asked for."""
        told = [trial for trial in self._told if states is None or trial.state in states]
        return [*told, *super().get_all_trials(study_id, deepcopy, states)]
