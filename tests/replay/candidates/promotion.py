"""A candidate: trials pause at each rung and the best by a model of all curves go on; the model also proposes.

Promotion-type successive halving (Li et al. 2020, arXiv 1810.05934, algorithm 2): a third of a rung's trials go on.
Which ones, the posterior mean of `curve_model` says, and not the value at the rung, whose noise is as large as what
separates trials. A new trial is where the mean plus BETA deviations is largest. The choice at the end is the finished
trial with the largest posterior mean.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from candidates.curve_model import Array, CurveModel
from curves import Curves
from peers.loop import Answer, Row

from search.algorithms.feasibility import Feasibility
from search.algorithms.random_search import draw_every
from search.algorithms.told import Space, Told
from spaces.ranges import ZeroOr
from spaces.spec import load_spec

RUNGS = (3, 6)
REDUCTION = 3
FIRST = 6  # trials that are drawn at random
BETA, PROMOTING_BETA = 1.0, 0.5
ZERO = -0.3  # the place of zero on a field's line, where the range above it is 0 to 1
LIKELY_TO_FAIL = 0.2
DRAWS, KEPT, MOVES = 250, 5, 12  # new places: drawn; of these go on; and are moved so often by each of
STEPS = (0.15, 0.05, 0.02)

Values = Mapping[str, float]


class Promotion:
    """The search as the comparison's loop asks it."""

    def __init__(self, curves: Curves, seed: int) -> None:
        self._space: Space = load_spec("demo").space
        self._levels = (*RUNGS, curves.epochs)
        self._rng = np.random.default_rng([seed, 5])
        self._values: list[dict[str, float]] = []
        self._epochs: list[int] = []
        self._running, self._paused, self._failed = set[int](), set[int](), set[int]()
        self._seen: list[tuple[list[float], int, int, float]] = []
        self._last: dict[int, float] = {}
        self._feasible = Feasibility(self._space)
        self._model: CurveModel | None = None

    def propose(self) -> tuple[int, dict[str, float]]:
        """A paused trial whose rung has one to promote, the highest rung first; else a new one."""
        if len(self._values) < FIRST or len({trial for _, _, trial, _ in self._seen}) < FIRST // 2:
            return self._begin(self._drawn())
        model = self._fitted()
        running = self._places(self._values[trial] for trial in sorted(self._running))
        for rung in reversed(RUNGS):
            came = sum(epochs >= rung for epochs in self._epochs)
            waiting = sorted(trial for trial in self._paused if self._epochs[trial] == rung)
            if waiting and came - len(waiting) < came / REDUCTION:
                mean, deviation = model.predict(self._places(self._values[trial] for trial in waiting), running)
                trial = waiting[int((mean + PROMOTING_BETA * deviation).argmax())]
                self._paused.remove(trial)
                self._running.add(trial)
                return trial, self._values[trial]
        return self._begin(self._proposed(model, running))

    def report(self, number: int, epoch: int, value: float) -> Answer:
        """Pause at a rung."""
        self._epochs[number], self._last[number] = epoch, value
        if epoch not in self._levels:
            return "go"
        self._seen.append((place(self._space, self._values[number]), self._levels.index(epoch), number, value))
        self._model = None
        self._running.remove(number)
        if epoch == self._levels[-1]:
            return "stop"
        if epoch == RUNGS[0]:
            self._feasible.add(Told(self._values[number], "stopped", value))
        self._paused.add(number)
        return "pause"

    def failed(self, number: int) -> None:
        """Keep away from its values."""
        self._running.remove(number)
        self._failed.add(number)
        self._feasible.add(Told(self._values[number], "failed", None))

    def _begin(self, values: dict[str, float]) -> tuple[int, dict[str, float]]:
        number = len(self._values)
        self._values.append(values)
        self._epochs.append(0)
        self._running.add(number)
        return number, values

    def _drawn(self) -> dict[str, float]:
        for _ in range(8):
            values = self._random()
            if self._feasible.chance_of_failing(values) < LIKELY_TO_FAIL:
                break
        return values

    def _random(self) -> dict[str, float]:
        return {path: float(value) for path, value in draw_every(self._space, int(self._rng.integers(2**31))).items()}

    def _proposed(self, model: CurveModel, running: Array) -> dict[str, float]:
        """The best of random places and of the best trials', after a few rounds of small moves."""
        best = sorted(set(self._last) - self._failed, key=lambda trial: -self._last[trial])[:8]
        tried = [*(self._random() for _ in range(DRAWS)), *(self._values[trial] for trial in best)]
        worth = self._worth(tried, model, running)
        for step in STEPS:
            top = [int(one) for one in np.argsort(-worth, kind="stable")[:KEPT]]
            moved = [self._moved(tried[one], step) for one in top for _ in range(MOVES)]
            tried = [*(tried[one] for one in top), *moved]
            worth = np.concatenate([worth[top], self._worth(moved, model, running)])
        return tried[int(worth.argmax())]

    def _worth(self, tried: Sequence[Values], model: CurveModel, running: Array) -> Array:
        mean, deviation = model.predict(self._places(tried), running)
        fails = [self._feasible.chance_of_failing(values) >= LIKELY_TO_FAIL for values in tried]
        return np.where(fails, -np.inf, mean + BETA * deviation)

    def _moved(self, values: Values, step: float) -> dict[str, float]:
        moved = {}
        for path, value in values.items():
            field, draw = self._space[path], self._rng.random()
            if draw < 0.4:
                moved[path] = value
            elif isinstance(field, ZeroOr) and (value == 0 or draw < 0.5):
                moved[path] = float(field.sample(self._rng)) if draw < 0.5 else value
            else:
                inner = field.range if isinstance(field, ZeroOr) else field
                unit = min(max(inner.to_unit(value) + step * self._rng.standard_normal(), 0.0), 1.0)
                moved[path] = float(inner.from_unit(unit))
        return moved

    def _fitted(self) -> CurveModel:
        if self._model is None:
            self._model = model_of(self._seen)
        return self._model

    def _places(self, some: Iterable[Values]) -> Array:
        return np.array([place(self._space, values) for values in some]).reshape(-1, len(self._space))


def model_of(seen: Sequence[tuple[list[float], int, int, float]]) -> CurveModel:
    """The model of what was seen: place, level, trial and score of each value."""
    places, levels, trials, scores = zip(*seen, strict=True)
    there = sorted(set(levels))
    return CurveModel(
        np.array(places), np.array([there.index(level) for level in levels]), np.array(trials), np.array(scores)
    )


def place(space: Space, values: Values) -> list[float]:
    """Where values lie: each field's line from 0 to 1, with zero before it."""
    found = []
    for path, field in space.items():
        value = values[path]
        if isinstance(field, ZeroOr):
            found.append(ZERO if value == 0 else field.range.to_unit(value))
        else:
            found.append(field.to_unit(value))
    return found


def chosen(rows: Sequence[Row], levels: Sequence[int]) -> Values | None:
    """The values of the finished trial with the largest posterior mean; None while none has finished.

    Any search's epochs can be given: so the choice is told apart from how the search went on.
    """
    space: Space = load_spec("demo").space
    failed = {row.number for row in rows if row.value is None}
    whole = [row for row in rows if row.number not in failed and row.epoch in levels]
    finished = [row for row in whole if row.epoch == levels[-1]]
    if not finished:
        return None
    seen = [
        (place(space, row.values), levels.index(row.epoch), row.number, row.value)
        for row in whole
        if row.value is not None
    ]
    mean, _ = model_of(seen).predict(np.array([place(space, row.values) for row in finished]))
    return finished[int(mean.argmax())].values
