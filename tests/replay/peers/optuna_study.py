"""Optuna by ask and tell: its samplers with its pruners.

    optuna-tpe-sha          TPESampler() and SuccessiveHalvingPruner(), all defaults: univariate, ten draws first; the
                            first rung at epoch 1, a fourth goes on
    optuna-tpe-sha-set      what its documentation advises for parallel trials and a conditional space, and the
                            product's rungs: multivariate, group, constant_liar; min_resource 2, reduction_factor 3
    optuna-tpe-hyperband    TPESampler() and HyperbandPruner(); set: max_resource, the trial's epochs
    optuna-tpe-median       TPESampler() and MedianPruner(), all defaults: five trials first, from epoch 1 on
    optuna-gp-sha           GPSampler() and SuccessiveHalvingPruner(), all defaults. It learns from complete trials
                            only, and draws at random until there are ten
    optuna-cmaes-sha        CmaEsSampler() and SuccessiveHalvingPruner(). Set: consider_pruned_trials, which its
                            documentation advises where trials are halved

TPE has a switch and a conditional number where a field may be zero. GP and CMA-ES would draw a conditional number at
random, so they have one number in [0, 1], whose first quarter is zero. The pruner is asked after each epoch but the
last: a trial that has run to its end is told as complete. One that fails is told as FAIL, as an exception in an
objective is.
"""

import warnings

import optuna
from curves import Curves, Field
from peers.loop import Answer, Row, Setting, drive

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)


class Study:
    """One study in memory."""

    def __init__(
        self,
        curves: Curves,
        sampler: optuna.samplers.BaseSampler,
        pruner: optuna.pruners.BasePruner,
        *,
        name: str,
        is_conditional: bool,
    ) -> None:
        """name: of the study, by which Hyperband draws a trial's bracket; Optuna's own would be another each time."""
        self._curves, self._is_conditional = curves, is_conditional
        self._study = optuna.create_study(study_name=name, direction="maximize", sampler=sampler, pruner=pruner)
        self._trials: dict[int, optuna.Trial] = {}

    def propose(self) -> tuple[int, dict[str, float]]:
        trial = self._study.ask()
        self._trials[trial.number] = trial
        return trial.number, {path: self._suggest(trial, path, field) for path, field in self._curves.space.items()}

    def report(self, number: int, epoch: int, value: float) -> Answer:
        trial = self._trials[number]
        trial.report(value, epoch)
        if epoch == self._curves.epochs:
            self._study.tell(trial, value)
        elif trial.should_prune():
            self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return "stop"
        return "go"

    def failed(self, number: int) -> None:
        self._study.tell(self._trials[number], state=optuna.trial.TrialState.FAIL)

    def _suggest(self, trial: optuna.Trial, path: str, field: Field) -> float:
        if field.may_be_zero and not self._is_conditional:
            return field.from_unit(trial.suggest_float(path, 0.0, 1.0))
        if field.may_be_zero and trial.suggest_categorical(f"{path} is zero", [True, False]):
            return 0.0
        return trial.suggest_float(path, field.low, field.high, log=field.kind != "zero_or_uniform")


def study(name: str, curves: Curves, seed: int) -> Study:
    """A study by the peer's name."""
    _, sampler, pruner, *is_set = name.split("-")
    samplers = {
        "tpe": lambda: optuna.samplers.TPESampler(
            seed=seed, **({"multivariate": True, "group": True, "constant_liar": True} if is_set else {})
        ),
        "gp": lambda: optuna.samplers.GPSampler(seed=seed),
        "cmaes": lambda: optuna.samplers.CmaEsSampler(seed=seed, consider_pruned_trials=True),
    }
    pruners = {
        "sha": lambda: optuna.pruners.SuccessiveHalvingPruner(
            **({"min_resource": 2, "reduction_factor": 3} if is_set else {})
        ),
        "hyperband": lambda: optuna.pruners.HyperbandPruner(max_resource=curves.epochs),
        "median": lambda: optuna.pruners.MedianPruner(),
    }
    named = f"seed {seed}"
    return Study(curves, samplers[sampler](), pruners[pruner](), name=named, is_conditional=sampler == "tpe")


def search(name: str, curves: Curves, setting: Setting) -> list[Row]:
    """Run one of the studies above."""
    peer = study(name, curves, setting.seed)
    return drive(peer, curves, slots=setting.slots, most_epochs=setting.most_epochs)
