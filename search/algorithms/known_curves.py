"""What the model of learning curves is shown of a search's trials: of each its values at the knots, and its newest one.

The model takes time in proportion to the cube of its values. So of many trials it is shown the best and a sample of the
others, and its hyper-parameters are fitted to fewer still. Both depend on the trials alone: a search that was killed
and resumed has the same model.
"""

import heapq
import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np

from search.algorithms.curve_model import Array, CurveModel, Shown
from search.algorithms.curve_places import places_of
from search.algorithms.curve_unit import unit_of
from search.algorithms.feasibility import Feasibility
from search.algorithms.startup import CURVES_DRAWS
from search.algorithms.told import Space, Told
from search.journal.history import Value
from trainers.seeds import derive_seed

BEST, OTHERS = 50, 40  # how many ended trials are shown at most: the best, and a sample of the others
FITTED = 70  # the hyper-parameters are fitted to about so many values
FEWEST = 6  # trials with a value, before which there is no model
_Key = tuple[tuple[int, int], ...]  # of each trial the place and the newest epoch


@dataclass(frozen=True)
class _Seen:
    """A trial as the model is shown it."""

    place: int
    at: Array  # [1, D], its coordinates
    scores: tuple[tuple[int, float], ...]  # epoch and value, ascending

    def by_epoch(self, epoch: int) -> float | None:
        """The value at an epoch; None if it is not shown."""
        return next((value for at, value in self.scores if at == epoch), None)

    @property
    def rank(self) -> tuple[int, float, int]:
        """The later it got the better, then the higher its value; the largest is the best."""
        epoch, value = self.scores[-1]
        return epoch, value, -self.place


class KnownCurves:
    """The trials of one space, and the model of their curves.

    Args:
        space: the searched fields by path.
        epochs: those of the rungs, and a trial's last epoch.
    """

    def __init__(self, space: Space, epochs: Sequence[int]) -> None:
        self._space, self._knots = space, knots_of(epochs)
        self._last, self._going_on = -1, list[int]()  # of the last call: the last place, and those that had not ended
        self._best: list[tuple[tuple[int, float, int], _Seen]] = []  # a heap: the worst of the best first
        self._drawn: list[tuple[int, int, _Seen]] = []  # a heap of (negated draw, place, trial): the smallest draws
        self._rung = epochs[0]  # the first one
        self._first: list[_Seen] = []  # of the ended trials that came to the first rung those with the lowest places
        self._at: dict[int, Array] = {}  # by place, the coordinates [1, D] of trials that have not ended
        self._key: tuple[float, _Key] | None = None
        self._model: CurveModel | None = None
        self._fit: tuple[tuple[float, _Key], Array] | None = None  # the values fitted to, and what was found
        self.feasibility = Feasibility(space)

    def model(self, told: Sequence[Told]) -> CurveModel | None:
        """The model of these trials; None while fewer than FEWEST have a value.

        The trials are in the order of their places. Each call must have all that had ended by the call before it, and
        a new trial's place must be above all places of earlier calls.
        """
        going_on = []
        for trial in self._not_ended(told):
            seen = self._seen(trial)
            if trial.ended:
                self._take(trial, seen)
            elif seen is not None:
                going_on.append(seen)
        self._at = {one.place: one.at for one in going_on}
        shown = {one.place: one for one in (*self._chosen(), *going_on)}
        trials = [shown[place] for place in sorted(shown)]
        unit = self._unit(going_on)
        key = unit, _key(trials)
        if key != self._key:
            self._key, self._model = key, self._of(trials, unit) if len(trials) >= FEWEST else None
        return self._model

    def _not_ended(self, told: Sequence[Told]) -> list[Told]:
        """Those that had not ended at the last call, and newer ones. It does not look through thousands of others."""
        place_of = attrgetter("place")
        before = [(place, bisect_left(told, place, key=place_of)) for place in self._going_on]
        found = [told[at] for place, at in before if at < len(told) and told[at].place == place]
        found += told[bisect_right(told, self._last, key=place_of) :]
        self._last = max(self._last, told[-1].place if told else self._last)
        self._going_on = [one.place for one in found if not one.ended]
        return found

    def places(self, some: Sequence[Mapping[str, Value]]) -> Array:
        """The coordinates [N, D] of values."""
        return places_of(self._space, some)

    def _seen(self, trial: Told) -> _Seen | None:
        """A trial's values at the knots and its newest one; None if it has none, or has failed by its values."""
        if trial.state == "failed" or not trial.by_epoch:
            return None
        newest = max(trial.by_epoch)
        epochs = sorted({newest, *(knot for knot in self._knots if knot in trial.by_epoch)})
        at = self._at.get(trial.place)
        at = self.places([trial.values]) if at is None else at
        return _Seen(trial.place, at, tuple((epoch, trial.by_epoch[epoch]) for epoch in epochs))

    def _take(self, trial: Told, seen: _Seen | None) -> None:
        """Note an ended trial. Its draw decides whether it is in the sample."""
        self.feasibility.add(trial)
        if seen is None:
            return
        if seen.by_epoch(self._rung) is not None:
            insort(self._first, seen, key=attrgetter("place"))
            del self._first[CURVES_DRAWS:]
        heapq.heappush(self._best, (seen.rank, seen))
        if len(self._best) > BEST:
            heapq.heappop(self._best)
        heapq.heappush(self._drawn, (-derive_seed(0, "shown", seen.place), seen.place, seen))
        if len(self._drawn) > BEST + OTHERS:
            heapq.heappop(self._drawn)

    def _chosen(self) -> list[_Seen]:
        """The ended trials that are shown."""
        best = [seen for _, seen in self._best]
        there = {seen.place for seen in best}
        others = [seen for *_, seen in sorted(self._drawn, reverse=True) if seen.place not in there]
        return [*best, *others[:OTHERS]]

    def _unit(self, going_on: Sequence[_Seen]) -> float:
        """The unit of the model, from the trials with the lowest places that came to the first rung.

        It depends on the trials as they are now, and not on what they were at earlier calls: one that came to the rung
        and has crashed since does not count.
        """
        came = [*self._first, *(one for one in going_on if one.by_epoch(self._rung) is not None)]
        first = sorted(came, key=attrgetter("place"))[:CURVES_DRAWS]
        at_rung = [value for one in first if (value := one.by_epoch(self._rung)) is not None]
        return unit_of(at_rung, [one.scores[-1][1] for one in first])

    def _of(self, trials: Sequence[_Seen], unit: float) -> CurveModel:
        counts = [len(one.scores) for one in trials]
        shown = Shown(
            np.repeat(np.concatenate([one.at for one in trials]), counts, axis=0),
            np.array([epoch for one in trials for epoch, _ in one.scores]),
            np.repeat(np.array([one.place for one in trials]), counts),
            np.array([value for one in trials for _, value in one.scores]),
        )
        if len(shown.scores) <= FITTED:
            return CurveModel(shown, self._knots, unit=unit)
        order = sorted(trials, key=lambda one: (one.scores[-1][0] < self._knots[-1], derive_seed(0, "fit", one.place)))
        fitted: list[_Seen] = []
        for one in order:
            if sum(len(other.scores) for other in fitted) >= FITTED:
                break
            fitted.append(one)
        key = unit, _key(fitted)
        if self._fit is None or self._fit[0] != key:  # with thousands of trials most asks fit to the same values
            places = sorted(one.place for one in fitted)
            self._fit = key, CurveModel(shown.part(np.isin(shown.trials, places)), self._knots, unit=unit).theta
        return CurveModel(shown, self._knots, self._fit[1], unit=unit)


def _key(trials: Iterable[_Seen]) -> _Key:
    """What tells one state of these trials from another: each trial and its newest epoch."""
    return tuple((one.place, one.scores[-1][0]) for one in trials)


def known_curves(space: Space, memory: dict[str, Any] | None, epochs: Sequence[int]) -> KnownCurves:
    """Those that a sampler's memory has from earlier asks; else new ones, which the memory then keeps."""
    kept = {} if memory is None else memory
    if "curves" not in kept:
        kept["curves"] = KnownCurves(space, epochs)
    known: KnownCurves = kept["curves"]
    return known


def knots_of(epochs: Sequence[int]) -> tuple[int, ...]:
    """The model's knots: the rungs, the last epoch, and an earlier epoch than the first rung's."""
    first = math.ceil(epochs[0] / 3)
    return (first, *epochs) if first < epochs[0] else tuple(epochs)
