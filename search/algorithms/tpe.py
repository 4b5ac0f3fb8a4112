"""TPE: Optuna's tree-structured Parzen estimator (Bergstra et al. 2011), with one joint density of related fields."""

import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any

import optuna

from search.algorithms.known_trials import known_trials
from search.algorithms.optuna_ask import ask
from search.algorithms.startup import draws_before
from search.algorithms.told import Space, Told
from search.journal.history import Value


def propose(
    space: Space, told: Sequence[Told], *, seed: int, slots: int = 1, memory: dict[str, Any] | None = None
) -> dict[str, Value]:
    """The values for one trial. See `search.algorithms.samplers.Sampler`."""
    known = known_trials(space, memory)
    return ask(space, known.told(told), partial(new_sampler, slots), seed, known.feasibility)


def new_sampler(slots: int, seed: int) -> optuna.samplers.BaseSampler:
    """Optuna's sampler. With more slots it waits for more random trials before it starts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # for multivariate and group
        return optuna.samplers.TPESampler(
            seed=seed,
            multivariate=True,
            group=True,
            constant_liar=True,
            n_startup_trials=draws_before("tpe", slots),
        )
