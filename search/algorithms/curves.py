"""Proposals by a Gaussian process over all learning curves (see curve_model), where a good score is likely or possible.

It learns from stopped, paused and running trials too, each as far as it got.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from search.algorithms.curve_model import Array, CurveModel
from search.algorithms.curve_places import moved
from search.algorithms.known_curves import KnownCurves, known_curves
from search.algorithms.random_search import draw_every
from search.algorithms.startup import CURVES_DRAWS
from search.algorithms.told import Space, Told
from search.journal.history import Value
from spaces.conditions import without_inactive
from trainers.seeds import derive_seed

OPTIMISM = 1.0  # a place is worth its expected score plus so many standard deviations
LIKELY_TO_FAIL = 0.2
AGAIN = 8  # how often a random draw that is likely to fail is drawn anew
DRAWS, FROM_BEST = 250, 8  # places that are looked at first: random ones, and those of the best trials
KEPT, MOVES, STEPS = 5, 12, (0.15, 0.05, 0.02)  # the best of them move so often, by ever smaller steps


def propose(
    space: Space,
    told: Sequence[Told],
    *,
    seed: int,
    epochs: Sequence[int],
    memory: dict[str, Any] | None = None,
) -> dict[str, Value]:
    """The values for one trial. See `search.algorithms.samplers.Sampler`."""
    known = known_curves(space, memory, epochs)
    model = known.model(told)
    if model is None or len(told) < CURVES_DRAWS:
        return without_inactive(_drawn(space, known, seed))
    return without_inactive(_best_place(space, known, model, told, seed))


def _drawn(space: Space, known: KnownCurves, seed: int) -> dict[str, Value]:
    """Random values; drawn again if they are likely to fail."""
    for attempt in range(AGAIN):
        values = draw_every(space, seed if attempt == 0 else derive_seed(seed, "again", attempt))
        if known.feasibility.chance_of_failing(without_inactive(values)) < LIKELY_TO_FAIL:
            break
    return values


def _best_place(
    space: Space, known: KnownCurves, model: CurveModel, told: Sequence[Told], seed: int
) -> dict[str, Value]:
    """The most promising of random places and of those of the best trials, after a few rounds of small moves."""
    running = known.places([trial.values for trial in told if trial.state == "running"])

    def worth(some: Sequence[Mapping[str, Value]]) -> Array:
        here = [without_inactive(one) for one in some]
        mean, deviation = model.predict(known.places(here), running)
        fails = np.array([known.feasibility.chance_of_failing(one) >= LIKELY_TO_FAIL for one in here])
        return np.where(fails, mean.min() - 1, mean + OPTIMISM * deviation)

    shown = [trial for trial in told if trial.value is not None]
    best = sorted(shown, key=lambda trial: (-(trial.value or 0.0), trial.place))[:FROM_BEST]
    draws = np.random.default_rng(seed)
    tried = [{path: range_.sample(draws) for path, range_ in space.items()} for _ in range(DRAWS)]
    tried += [{**tried[place], **trial.values} for place, trial in enumerate(best)]
    worths = worth(tried)
    for step in STEPS:
        top = [int(place) for place in np.argsort(-worths, kind="stable")[:KEPT]]
        again = [moved(space, tried[place], step, draws) for place in top for _ in range(MOVES)]
        tried, worths = [*(tried[place] for place in top), *again], np.concatenate([worths[top], worth(again)])
    return tried[int(worths.argmax())]
