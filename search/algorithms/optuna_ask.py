"""Ask a sampler of Optuna's for the values of one trial, and again if these are likely to fail.

A new study is made for each ask, from all that is known. So a search that was killed and resumed proposes what it would
have proposed without the interruption.
"""

from collections.abc import Callable

import optuna
from optuna.trial import FrozenTrial

from search.algorithms.feasibility import Feasibility
from search.algorithms.known_trials import ToldStorage
from search.algorithms.optuna_trials import suggest_all
from search.algorithms.told import Space
from search.journal.history import Value
from trainers.seeds import derive_seed

LIKELY_TO_FAIL = 0.2  # a proposal with at least this probability of failing is drawn again,
MOST_DRAWS = 8  # and it is drawn this often at most; then the draw that is least likely to fail is tried


def ask(
    space: Space,
    told: list[FrozenTrial],
    new_sampler: Callable[[int], optuna.samplers.BaseSampler],
    seed: int,
    feasibility: Feasibility,
    *,
    one_coordinate: bool = False,
) -> dict[str, Value]:
    """The values of the searched fields for one trial.

    Args:
        space: the searched fields by path.
        told: the trials so far, in Optuna's form.
        new_sampler: makes Optuna's sampler from a seed.
        seed: of this ask.
        feasibility: what is known of the values that make trials fail.
        one_coordinate: see `search.algorithms.optuna_trials.optuna_trial`.
    """
    drawn: list[tuple[float, dict[str, Value]]] = []
    for attempt in range(MOST_DRAWS):
        sampler = new_sampler(seed if attempt == 0 else derive_seed(seed, "again", attempt))
        study = optuna.create_study(storage=ToldStorage(told), direction="maximize", sampler=sampler)
        values = suggest_all(study.ask(), space, one_coordinate)
        drawn.append((feasibility.chance_of_failing(values), values))
        if drawn[-1][0] < LIKELY_TO_FAIL:
            break
    return min(drawn, key=lambda one: one[0])[1]
