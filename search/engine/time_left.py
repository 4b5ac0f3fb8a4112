"""What the rest of a search costs, in the unit of `Progress.cost`. This module needs neither torch nor the data."""

from dataclasses import dataclass
from typing import Protocol

from search.algorithms.asha import rung_epochs
from search.algorithms.proposer import planned_by_now
from search.journal.history import History
from search.journal.progress import Progress
from spaces.spec import SearchSpec
from trainers.loss_config import END_TO_END


class Expected(Protocol):
    """The numbers of a plan that `cost_left` needs; `search.engine.plan.Plan` and `Size` have them."""

    @property
    def trials(self) -> int:
        """How many trials there will be, baselines among them."""

    @property
    def baselines(self) -> int:
        """How many of the trials are baselines."""

    @property
    def representation_epochs(self) -> int:
        """Epochs of stage one in a trial that is not stopped."""

    @property
    def classifier_epochs(self) -> int:
        """Epochs of stage two in a trial that is not stopped."""

    @property
    def expected_representation_epochs_per_trial(self) -> float:
        """Epochs of stage one that a proposed trial is expected to run on average, with early stopping counted."""

    @property
    def expected_classifier_epochs_per_trial(self) -> float:
        """Epochs of stage two that a proposed trial is expected to run on average, with early stopping counted."""


@dataclass(frozen=True)
class Size:
    """An `Expected` that is computed from the spec alone, without the data."""

    trials: int
    baselines: int
    representation_epochs: int
    classifier_epochs: int
    expected_representation_epochs_per_trial: float
    expected_classifier_epochs_per_trial: float


def size_of(spec: SearchSpec, history: History) -> Size:
    """The size of a search, with the trials that extensions have added, and without those that luck has cut off."""
    one, share = expected_epochs(rung_epochs(spec), spec.representation.epochs, spec.search.scheduler.reduction)
    last = max(map(spec.last_epoch, (*spec.families, *spec.search.baselines)))
    return Size(
        trials=planned_by_now(spec, history),
        baselines=len(spec.search.baselines),
        representation_epochs=spec.representation.epochs,
        classifier_epochs=last - spec.representation.epochs,
        expected_representation_epochs_per_trial=one,
        expected_classifier_epochs_per_trial=share * spec.classifier.steps * share_of_two_stages(spec),
    )


def share_of_two_stages(spec: SearchSpec) -> float:
    """The expected share of proposed trials that are trained in two stages, and not end to end.

    Each loss counts as equally likely; with `per_family`, each family does.
    """
    of = spec.families if spec.search.per_family else spec.losses
    return sum(one not in END_TO_END and one not in END_TO_END.values() for one in of) / len(of)


def expected_epochs(rungs: tuple[int, ...], epochs: int, reduction: float) -> tuple[float, float]:
    """The expected course of a proposed trial if 1/reduction pass each rung, as in the long run.

    Args:
        rungs: the epochs of the rungs, all in stage one.
        epochs: how many epochs stage one has.
        reduction: the scheduler's reduction factor.

    Returns:
        The average number of epochs in stage one, and the share of trials that reach stage two.
    """
    reached, share, expected = 0, 1.0, 0.0
    for rung in rungs:
        expected += share * (rung - reached)
        reached, share = rung, share / reduction
    return expected + share * (epochs - reached), share


def cost_left(progress: Progress, plan: Expected) -> float:
    """The cost of the rest of the search, in the unit of `Progress.cost`.

    A proposed trial is taken to need as many epochs of each stage as the trials that ended or paused had on average.
    While these are few, this average is close to the plan's expected epochs. A baseline needs all epochs, and so does a
    trial that went on from a pause; one that waits needs none.
    """
    expected = plan.expected_representation_epochs_per_trial, plan.expected_classifier_epochs_per_trial
    usual, whole = progress.usual_epochs(expected), (plan.representation_epochs, plan.classifier_epochs)
    one = two = 0.0
    for trial in progress.begun:
        if trial.state == "paused":  # most of those that wait never go on
            continue
        went_on = any(decision.action == "pause" for decision in trial.decisions)
        ends = whole if trial.baseline or went_on else usual
        ends = (ends[0], 0.0) if trial.family in END_TO_END else ends
        done = min(trial.epoch, plan.representation_epochs)
        one += max(ends[0] - done, 0)
        two += max(ends[1] - (trial.epoch - done), 0)
    unasked_baselines = max(0, plan.baselines - progress.trials)
    unasked = plan.trials - progress.trials - unasked_baselines
    one += unasked_baselines * whole[0] + unasked * usual[0]
    two += unasked_baselines * whole[1] + unasked * usual[1]
    return progress.cost(one, two)
