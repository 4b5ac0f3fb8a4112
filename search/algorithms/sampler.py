"""What to try next: Optuna's samplers, told the truth about every trial.

`propose` is a function of the space, the trials so far and a seed: the Optuna study is built anew from the history at
every ask, so a search that was killed proposes what it would have proposed. To Optuna a finished trial is
COMPLETE; a stopped one is PRUNED with its values by epoch, and so is an exempt trial, up to the epoch where
ASHA would have stopped it (TPE ranks complete trials above all pruned ones, and would else chase the baselines); a
diverged or crashed one is FAIL.
"""

import warnings
from collections.abc import Iterable, Mapping
from typing import cast

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from search.journal.history import Trial, Value
from spaces.ranges import Choice, IntUniform, LogUniform, Range, Uniform, ZeroOr
from trainers.seeds import derive_seed

Space = Mapping[str, Range]

optuna.logging.set_verbosity(optuna.logging.WARNING)  # a line for each study made, and one is made at every ask


def propose(
    space: Space, history: Iterable[Trial], *, sampler: str, metric: str, seed: int, number: int, slots: int = 1
) -> dict[str, Value]:
    """Values of the searched fields for trial `number`.

    sampler: tpe, gp or random; the grid is in grid.py. metric: the key among a trial's
    metrics. slots: how many trials run at once; with many, TPE would else start on the draws of one moment.
    """
    derived = derive_seed(seed, "ask", number)
    if sampler == "random":
        draws = np.random.default_rng(derived)
        return {path: range_.sample(draws) for path, range_ in space.items()}
    one_coordinate = sampler == "gp"  # GP needs a fixed space: a conditional value would be drawn independently
    study = optuna.create_study(direction="maximize", sampler=_sampler(sampler, derived, slots))
    study.add_trials(
        [told for trial in history if (told := as_optuna_trial(space, trial, metric, one_coordinate)) is not None]
    )
    trial = study.ask()
    return {path: _suggest(trial, path, range_, one_coordinate) for path, range_ in space.items()}


def _sampler(name: str, seed: int, slots: int) -> optuna.samplers.BaseSampler:
    if name == "gp":
        return optuna.samplers.GPSampler(seed=seed, deterministic_objective=False)
    startup = min(10, max(5, 3 * slots))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # multivariate and group are
        return optuna.samplers.TPESampler(
            seed=seed,
            multivariate=True,
            group=True,
            constant_liar=True,
            n_startup_trials=startup,
        )


def as_optuna_trial(space: Space, trial: Trial, metric: str, one_coordinate: bool = False) -> FrozenTrial | None:
    """A trial as Optuna may know it; None for one whose values lie outside the space (a baseline's may)."""
    if not all(path in trial.values and range_.contains(trial.values[path]) for path, range_ in space.items()):
        return None
    params: dict[str, Value] = {}
    distributions: dict[str, BaseDistribution] = {}
    for path, range_ in space.items():
        for name, distribution, value in _coordinates(path, range_, trial.values[path], one_coordinate):
            params[name], distributions[name] = value, distribution
    last = trial.spared_at or trial.epoch
    state, score = _told(trial)
    return optuna.trial.create_trial(
        state=state,
        value=score,
        params=params,
        distributions=distributions,
        intermediate_values={epoch: values[metric] for epoch, values in trial.epochs.items() if epoch <= last},
        user_attrs={"number": trial.number, "family": trial.family, "baseline": trial.baseline},
    )


def _told(trial: Trial) -> tuple[TrialState, float | None]:
    if trial.state == "failed":
        return TrialState.FAIL, None
    if trial.state == "stopped" or trial.spared_at is not None:
        return TrialState.PRUNED, None
    if trial.state == "finished":
        return TrialState.COMPLETE, trial.score
    return TrialState.RUNNING, None


Coordinate = tuple[str, BaseDistribution, Value]


def _coordinates(path: str, range_: Range, value: Value, one_coordinate: bool) -> list[Coordinate]:
    """How a value of a range looks to Optuna: one parameter, or for TPE's `ZeroOr` a switch and a conditional one."""
    if isinstance(range_, ZeroOr) and one_coordinate:
        return [(path, FloatDistribution(0, 1), range_.to_unit(value))]
    if isinstance(range_, ZeroOr):
        switch: Coordinate = (_switch(path), CategoricalDistribution([True, False]), value == 0)
        return [switch] if value == 0 else [switch, (path, _distribution(range_.range), value)]
    return [(path, _distribution(range_), value)]


def _suggest(trial: optuna.Trial, path: str, range_: Range, one_coordinate: bool) -> Value:
    if isinstance(range_, ZeroOr) and one_coordinate:
        return range_.from_unit(trial.suggest_float(path, 0, 1))
    if isinstance(range_, ZeroOr):
        if trial.suggest_categorical(_switch(path), [True, False]):
            return 0.0
        return _suggest(trial, path, range_.range, one_coordinate)
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
