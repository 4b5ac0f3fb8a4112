"""Ray Tune's ASHAScheduler and OptunaSearch, driven as Tune's controller drives them; no cluster is started.

`ray-asha-optuna`: both as they come (`_process_trial_result` and `_schedule_trial_stop` of Ray 2.60's TuneController
were followed). Defaults: grace_period 1, reduction_factor 4, one bracket; OptunaSearch's own TPESampler. Set: max_t,
the trial's epochs; the seed; the space, a function of Optuna's trial with a switch and a conditional number, as Ray's
documentation writes it; and max_concurrent_trials, the slots, without which Tune asks for a trial ahead. Tune tells
the searcher of a stopped trial as of a complete one, with the value that it had when it was stopped, and of a failed
one as an error.
"""

import optuna
from curves import Curves
from peers.loop import Answer, Row, Setting, drive
from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler, TrialScheduler
from ray.tune.search.optuna import OptunaSearch

optuna.logging.set_verbosity(optuna.logging.ERROR)
METRIC, STEP = "val_balanced_accuracy", "training_iteration"


class Tune:
    """A scheduler and a searcher, as the controller joins them."""

    def __init__(self, curves: Curves, seed: int) -> None:
        def space(trial: optuna.Trial) -> dict[str, float]:
            zeros = {}
            for path, field in curves.space.items():
                if field.may_be_zero and trial.suggest_categorical(f"{path} is zero", [True, False]):
                    zeros[path] = 0.0
                else:
                    trial.suggest_float(path, field.low, field.high, log=field.kind != "zero_or_uniform")
            return zeros

        self._paths = tuple(curves.space)
        self._scheduler = ASHAScheduler(time_attr=STEP, metric=METRIC, mode="max", max_t=curves.epochs)
        self._searcher = OptunaSearch(space, metric=METRIC, mode="max", seed=seed)
        self._trials: list[Trial] = []

    def propose(self) -> tuple[int, dict[str, float]]:
        number = len(self._trials)
        config = self._searcher.suggest(f"{number:05}")
        trial = Trial("replay", config=config, trial_id=f"{number:05}", stub=True)
        self._trials.append(trial)
        self._scheduler.on_trial_add(None, trial)
        return number, {path: float(config[path]) for path in self._paths}

    def report(self, number: int, epoch: int, value: float) -> Answer:
        trial, result = self._trials[number], {METRIC: value, STEP: epoch}
        if self._scheduler.on_trial_result(None, trial, result) != TrialScheduler.STOP:
            self._searcher.on_trial_result(trial.trial_id, result)  # of the last result it is told at the end only
            return "go"
        self._scheduler.on_trial_complete(None, trial, result)
        self._searcher.on_trial_complete(trial.trial_id, result)
        return "stop"

    def failed(self, number: int) -> None:
        trial = self._trials[number]
        self._scheduler.on_trial_error(None, trial)
        self._searcher.on_trial_complete(trial.trial_id, error=True)


def search(name: str, curves: Curves, setting: Setting) -> list[Row]:
    """The one way there is."""
    peer = Tune(curves, setting.seed)
    return drive(peer, curves, slots=setting.slots, most_epochs=setting.most_epochs)
