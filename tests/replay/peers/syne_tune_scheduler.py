"""Syne Tune's schedulers, driven as its Tuner drives them (`_schedule_new_task`, `_update_running_trials`).

    syne-asha             ASHA: random draws, stopping
    syne-bohb             BOHB: kernel densities of each trial's last value, ASHA's stopping
    syne-cqr              CQR: conformal quantile regression, without stopping
    syne-asha-cqr         ASHACQR: the same on each trial's last value, with ASHA's stopping
    syne-asha-promotion   ASHA of type promotion: trials pause at a rung, and the best of those that paused go on
    syne-pasha            PASHA: promotion, to rungs that are added while the ranking of the upper two is not settled

The first four are of 0.16, the last two of 0.13: later releases have neither. Defaults: grace_period 1,
reduction_factor 3, one bracket. Set: max_t, the trial's epochs; the seed. Its spaces know no conditions, so a field
that may be zero is a choice and a number that is always there. A trial that fails is told by on_trial_error, of which
its searchers make nothing.
"""

import logging
from datetime import UTC, datetime

import numpy as np
from curves import Curves
from peers.loop import Answer, Row, Setting, drive
from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import choice, loguniform, uniform
from syne_tune.optimizer import baselines
from syne_tune.optimizer.scheduler import SchedulerDecision, TrialScheduler

METRIC, STEP = "val_balanced_accuracy", "epoch"
NEW = {"syne-asha": "ASHA", "syne-bohb": "BOHB", "syne-cqr": "CQR", "syne-asha-cqr": "ASHACQR"}
OLD = {"syne-asha-promotion": ("ASHA", {"type": "promotion"}), "syne-pasha": ("PASHA", {})}
logging.getLogger("syne_tune").setLevel(logging.ERROR)


class Tuner:
    """A scheduler with its trials.

    Args:
        curves: of the trials.
        scheduler: of Syne Tune.
        is_old: whether it wants to know the number of the trial that is asked for.
    """

    def __init__(self, curves: Curves, scheduler: TrialScheduler, *, is_old: bool) -> None:
        self._curves, self._scheduler, self._is_old = curves, scheduler, is_old
        self._trials: list[Trial] = []

    def propose(self) -> tuple[int, dict[str, float]] | None:
        suggestion = self._scheduler.suggest(*([len(self._trials)] if self._is_old else []))
        if suggestion is None:
            return None
        if not suggestion.spawn_new_trial_id:
            number = int(suggestion.checkpoint_trial_id)
            return number, values_of(self._trials[number].config, self._curves)
        trial = Trial(len(self._trials), suggestion.config.copy(), datetime.now(UTC))
        self._trials.append(trial)
        self._scheduler.on_trial_add(trial)
        return trial.trial_id, values_of(trial.config, self._curves)

    def report(self, number: int, epoch: int, value: float) -> Answer:
        trial, result = self._trials[number], {METRIC: value, STEP: epoch}
        decision = self._scheduler.on_trial_result(trial, result)
        if decision == SchedulerDecision.CONTINUE:
            if epoch == self._curves.epochs:
                self._scheduler.on_trial_complete(trial, result)
            return "go"
        self._scheduler.on_trial_remove(trial)
        return "pause" if decision == SchedulerDecision.PAUSE else "stop"

    def failed(self, number: int) -> None:
        self._scheduler.on_trial_error(self._trials[number])


def config_space(curves: Curves) -> dict[str, object]:
    """The space as a user of Syne Tune writes it."""
    space: dict[str, object] = {}
    for path, field in curves.space.items():
        if field.may_be_zero:
            space[f"{path} is zero"] = choice([True, False])
        kind = uniform if field.kind == "zero_or_uniform" else loguniform
        space[path] = kind(field.low, field.high)
    return space


def values_of(config: dict[str, object], curves: Curves) -> dict[str, float]:
    """The values that a configuration stands for."""
    return {path: 0.0 if config.get(f"{path} is zero") else float(config[path]) for path in curves.space}


def search(name: str, curves: Curves, setting: Setting) -> list[Row]:
    """Run one of the schedulers above."""
    np.random.seed(setting.seed)  # noqa: NPY002 - BOHB's random draws take the global generator, whatever its seed
    peer = Tuner(curves, scheduler(name, curves, setting.seed), is_old=name in OLD)
    return drive(peer, curves, slots=setting.slots, most_epochs=setting.most_epochs)


def scheduler(name: str, curves: Curves, seed: int) -> TrialScheduler:
    """A scheduler by the peer's name."""
    space = config_space(curves)
    if name in OLD:
        kind, more = OLD[name]
        more = {"mode": "max", "resource_attr": STEP, "max_t": curves.epochs, **more}
    else:
        kind = NEW[name]
        more = {"do_minimize": False, **({} if kind == "CQR" else {"time_attr": STEP, "max_t": curves.epochs})}
    return getattr(baselines, kind)(space, metric=METRIC, random_seed=seed, **more)
