"""Convert trials and searched values to Optuna's, and have an Optuna trial suggest values.

A finished trial is COMPLETE. A stopped one is PRUNED, with its values by epoch. An exempt trial is PRUNED as well, at
the epoch where ASHA would have stopped it: TPE ranks complete trials above all pruned ones, and would otherwise follow
the baselines. A trial that its values made fail is PRUNED at its first epoch with the worst value there is. As FAIL it
would be ignored, and TPE would propose such values again and again. A crash that the values did not cause is FAIL.
"""

from dataclasses import replace
from typing import cast

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from search.algorithms.told import Space, Told, ToldState, told_of
from search.journal.history import Trial, Value
from spaces.conditions import SWITCH, active
from spaces.ranges import Choice, IntUniform, LogUniform, Range, Uniform, ZeroOr

Coordinate = tuple[str, BaseDistribution, Value]
optuna.logging.set_verbosity(optuna.logging.WARNING)  # else it prints a line for each study
WORST = -1e9  # below every value of every metric; finite, because JSON and optuna-dashboard have no infinity


STATES: dict[ToldState, TrialState] = {
    "finished": TrialState.COMPLETE,
    "stopped": TrialState.PRUNED,
    "failed": TrialState.PRUNED,
    "running": TrialState.RUNNING,
    "paused": TrialState.PRUNED,
}


def optuna_trial(
    space: Space, told: Told, *, one_coordinate: bool = False, state: TrialState | None = None
) -> FrozenTrial:
    """A trial in Optuna's form.

    Args:
        space: the searched fields by path.
        told: a trial whose values are in the space.
        one_coordinate: use the same parameters in every trial, as a Gaussian process needs: fields of other losses
            included, and one number in [0, 1] for a `zero_or`.
        state: in place of that of `told`.
    """
    params: dict[str, Value] = {}
    distributions: dict[str, BaseDistribution] = {}
    for path, range_ in space.items():
        if not one_coordinate and path not in told.values:
            continue
        value = told.values.get(path, range_.from_unit(0.5))  # the middle, for a field that only another loss has
        for name, distribution, given in _coordinates(path, range_, value, one_coordinate):
            params[name], distributions[name] = given, distribution
    return optuna.trial.create_trial(
        state=state or STATES[told.state],
        value=told.value if told.state == "finished" else None,
        params=params,
        distributions=distributions,
        intermediate_values={1: WORST} if told.state == "failed" else dict(told.by_epoch),
        user_attrs={"number": told.number, "family": told.family, "baseline": told.baseline},
    )


def as_optuna_trial(space: Space, trial: Trial, metric: str, one_coordinate: bool = False) -> FrozenTrial | None:
    """A trial in Optuna's form, for those who look at a search. Samplers are not told of a crash, which is FAIL here.

    Args:
        space: the searched fields by path.
        trial: of this search or of an older one.
        metric: the key of the deciding value among a trial's metrics; larger is better.
        one_coordinate: see `optuna_trial`.

    Returns:
        The trial; None if its values are outside the space, as a baseline's may be.
    """
    crashed = trial.state == "failed" and not trial.failed_by_its_values
    told = told_of(space, replace(trial, state="running") if crashed else trial, metric)
    if told is None:
        return None
    return optuna_trial(space, told, one_coordinate=one_coordinate, state=TrialState.FAIL if crashed else None)


def _coordinates(path: str, range_: Range, value: Value, one_coordinate: bool) -> list[Coordinate]:
    """A value in Optuna's form: one parameter, or for TPE and `ZeroOr` a switch and a conditional parameter."""
    if isinstance(range_, ZeroOr) and one_coordinate:
        return [(path, FloatDistribution(0, 1), range_.to_unit(value))]
    if isinstance(range_, ZeroOr):
        switch: Coordinate = (_switch(path), CategoricalDistribution([True, False]), value == 0)
        return [switch] if value == 0 else [switch, (path, _distribution(range_.range), value)]
    return [(path, _distribution(range_), value)]


def suggest_all(trial: optuna.Trial, space: Space, one_coordinate: bool) -> dict[str, Value]:
    """Ask an Optuna trial for its loss, and then for the values of all fields that the loss uses."""
    values: dict[str, Value] = {}
    for path in sorted(space, key=lambda path: path != SWITCH):
        if one_coordinate or path in active(space, values):
            values[path] = suggest(trial, path, space[path], one_coordinate)
    return {path: values[path] for path in active(space, values)}


def suggest(trial: optuna.Trial, path: str, range_: Range, one_coordinate: bool) -> Value:
    """Ask an Optuna trial for the value of one field."""
    if isinstance(range_, ZeroOr) and one_coordinate:
        return range_.from_unit(trial.suggest_float(path, 0, 1))
    if isinstance(range_, ZeroOr):
        if trial.suggest_categorical(_switch(path), [True, False]):
            return 0.0
        return suggest(trial, path, range_.range, one_coordinate)
    if isinstance(range_, IntUniform):
        return trial.suggest_int(path, range_.low, range_.high)
    if isinstance(range_, Choice):
        return cast(Value, trial.suggest_categorical(path, range_.values))
    return trial.suggest_float(path, range_.low, range_.high, log=isinstance(range_, LogUniform))


def _distribution(range_: Range) -> BaseDistribution:
    if isinstance(range_, IntUniform):
        return IntDistribution(range_.low, range_.high)
    if isinstance(range_, Choice):
        return CategoricalDistribution(range_.values)
    if isinstance(range_, Uniform | LogUniform):
        return FloatDistribution(range_.low, range_.high, log=isinstance(range_, LogUniform))
    raise AssertionError(f"no distribution for {range_!r}")


def _switch(path: str) -> str:
    return f"{path} is zero"
