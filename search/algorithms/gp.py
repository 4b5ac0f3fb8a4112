"""Optuna's Gaussian process, which learns from complete trials only: others are completed by an estimate.

It needs the same fields in every trial, and would draw conditional values independently. So it gets one coordinate for
each field of the space, see `optuna_trial`.
"""

from collections.abc import Sequence
from statistics import median
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from search.algorithms.known_trials import known_trials
from search.algorithms.optuna_ask import ask
from search.algorithms.optuna_trials import WORST
from search.algorithms.startup import draws_before
from search.algorithms.told import Space, Told
from search.journal.history import Value, kind_of
from trainers.loss_config import Family


def propose(
    space: Space, told: Sequence[Told], *, seed: int, slots: int = 1, memory: dict[str, Any] | None = None
) -> dict[str, Value]:
    """The values for one trial. See `search.algorithms.samplers.Sampler`."""
    known = known_trials(space, memory, one_coordinate=True)

    def new_sampler(seed: int) -> optuna.samplers.BaseSampler:
        draws = draws_before("gp", slots)
        return optuna.samplers.GPSampler(seed=seed, deterministic_objective=False, n_startup_trials=draws)

    return ask(space, as_full_length(known.told(told)), new_sampler, seed, known.feasibility, one_coordinate=True)


def as_full_length(told: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Turn stopped trials into complete ones, for samplers that learn from complete trials only, as Optuna's GP does.

    The score is the trial's last value plus the median gain, from that epoch to the end, of complete trials of the same
    kind: a head that is trained end to end gains more than a probe. A trial that its values made fail gets the worst
    score of all; if there is no score yet, it is left out.
    """
    complete = [trial for trial in told if trial.state == TrialState.COMPLETE]
    gains: dict[tuple[Family | None, int], float] = {}

    def gain_from(kind: Family | None, epoch: int) -> float:
        if (kind, epoch) not in gains:
            alike = [trial for trial in complete if _kind(trial) == kind]
            reached = [(trial.value, trial.intermediate_values.get(epoch)) for trial in alike]
            gained = [end - then for end, then in reached if end is not None and then is not None]
            gains[kind, epoch] = median(gained) if gained else 0.0
        return gains[kind, epoch]

    def score(trial: FrozenTrial) -> float | None:
        if trial.state == TrialState.COMPLETE:
            return trial.value
        if trial.state != TrialState.PRUNED or not trial.intermediate_values:
            return None
        epoch, value = max(trial.intermediate_values.items())
        return value + gain_from(_kind(trial), epoch)

    scores = [score(trial) for trial in told]
    worst = min((value for value in scores if value is not None and value > WORST / 2), default=None)
    rewritten = []
    for trial, value in zip(told, scores, strict=True):
        if value is None:
            rewritten.append(trial)
        elif worst is not None:
            rewritten.append(_completed(trial, max(value, worst)))
    return rewritten


def _kind(told: FrozenTrial) -> Family | None:
    return kind_of(told.user_attrs["family"])


def _completed(trial: FrozenTrial, score: float) -> FrozenTrial:
    made = optuna.trial.create_trial(value=score, params=trial.params, distributions=trial.distributions)
    made.number = trial.number
    return made
