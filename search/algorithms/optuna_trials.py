"""Convert trials and searched values to Optuna's, and ask Optuna for values.

A finished trial is COMPLETE. A stopped one is PRUNED, with its values by epoch. An exempt trial is PRUNED as well, at
the epoch where ASHA would have stopped it: TPE ranks complete trials above all pruned ones, and would otherwise follow
the baselines. A trial that its values made fail is PRUNED at its first epoch with the worst value there is. As FAIL it
would be ignored, and TPE would propose such values again and again. A crash that the values did not cause is FAIL.
"""

from collections.abc import Mapping
from typing import cast

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from search.journal.history import Trial, Value
from spaces.conditions import SWITCH, active
from spaces.ranges import Choice, IntUniform, LogUniform, Range, Uniform, ZeroOr

Space = Mapping[str, Range]
Coordinate = tuple[str, BaseDistribution, Value]
optuna.logging.set_verbosity(optuna.logging.WARNING)  # else it prints a line for each study
WORST = -1e9  # below every value of every metric; finite, because JSON and optuna-dashboard have no infinity


def as_optuna_trial(space: Space, trial: Trial, metric: str, one_coordinate: bool = False) -> FrozenTrial | None:
    """A trial in Optuna's form.

    Args:
        space: the searched fields by path.
        trial: of this search or of an older one.
        metric: the key of the deciding value among a trial's metrics; larger is better.
        one_coordinate: use the same parameters in every trial, as a Gaussian process needs: fields of other losses
            included, and one number in [0, 1] for a `zero_or`.

    Returns:
        The trial; None if its values are outside the space, as a baseline's may be.
    """
    own = active(space, trial.values)
    if trial.values.keys() != own.keys():  # a first guess may set a field that is not searched
        return None
    if not all(range_.contains(trial.values[path]) for path, range_ in own.items()):
        return None
    params: dict[str, Value] = {}
    distributions: dict[str, BaseDistribution] = {}
    for path, range_ in (space if one_coordinate else own).items():
        value = trial.values.get(path, range_.from_unit(0.5))  # the middle, for a field that only another loss has
        for name, distribution, told in _coordinates(path, range_, value, one_coordinate):
            params[name], distributions[name] = told, distribution
    state, score = _state(trial)
    return optuna.trial.create_trial(
        state=state,
        value=score,
        params=params,
        distributions=distributions,
        intermediate_values=_values_by_epoch(trial, metric),
        user_attrs={"number": trial.number, "family": trial.family, "baseline": trial.baseline},
    )


def _values_by_epoch(trial: Trial, metric: str) -> dict[int, float]:
    if trial.failed_by_its_values:
        return {1: WORST}
    last = trial.spared_at or trial.epoch
    return {epoch: values[metric] for epoch, values in trial.epochs.items() if epoch <= last}


def _state(trial: Trial) -> tuple[TrialState, float | None]:
    if trial.state == "failed" and not trial.failed_by_its_values:
        return TrialState.FAIL, None
    if trial.state in ("failed", "stopped") or trial.spared_at is not None:
        return TrialState.PRUNED, None
    if trial.state == "finished":
        return TrialState.COMPLETE, trial.merit
    return TrialState.RUNNING, None


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
