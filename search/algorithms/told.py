"""Earlier trials as every sampler sees them. Each trial is converted once after it has ended."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from search.journal.history import ENDED, Trial, Value
from spaces.conditions import active
from spaces.ranges import Range
from trainers.loss_config import Family

Space = Mapping[str, Range]
ToldState = Literal["finished", "stopped", "failed", "running", "paused"]


@dataclass(frozen=True)
class Told:
    """An earlier trial, as a sampler sees it.

    Attributes:
        values: the searched values by path, such as loss.eta. If loss.name is searched, only the fields that the
            trial's loss uses.
        state: "finished", "stopped", "failed", "running" or "paused". "stopped": ASHA stopped it, or would have
            stopped it if the trial were not exempt; such a trial is shown as it was at that epoch. "failed": the
            trial's values made it fail, for example by a loss that diverged. "paused": it waits at a rung of promotion.
        value: the search's measure at the trial's end, or else at the last epoch in `by_epoch`; None for a failed trial
            or before the first epoch. Larger is better.
        by_epoch: the search's measure at each epoch; empty for a failed trial.
        number: the trial's number. Trials of an older search (--from) come first, with their numbers in that search.
        family: the family of the trial's loss, such as AFCL.
        baseline: whether the trial is a baseline, whose values no sampler proposed.
        place: the trial's position among all earlier trials, those that are left out included. It never changes, and no
            other trial of the same space has it.
        ended: whether the trial has ended; then it stays as it is. An exempt trial may go on after its state is
            "stopped", and fail.
    """

    values: Mapping[str, Value]
    state: ToldState
    value: float | None
    by_epoch: Mapping[int, float] = field(default_factory=dict)
    number: int = 0
    family: Family = ""
    baseline: bool = False
    place: int = 0
    ended: bool = True


def told_of(space: Space, trial: Trial, metric: str, *, place: int = 0, fixed: Container[str] = ()) -> Told | None:
    """A trial as a sampler sees it; None if its values are outside the space, or if it failed for another reason.

    Args:
        space: the range of each searched field, by path.
        trial: of this search or of an older one.
        metric: the name of the search's measure among a trial's metrics; larger is better.
        place: see `Told`.
        fixed: paths of values that the sampler does not choose, and is not told of.
    """
    values = without(fixed, trial.values)
    if not is_inside(space, values) or (trial.state == "failed" and not trial.failed_by_its_values):
        return None
    state, value, by_epoch = _outcome(trial, metric)
    ended = trial.state in ENDED
    return Told(values, state, value, by_epoch, trial.number, trial.family, trial.baseline, place, ended)


def without(fixed: Container[str], values: Mapping[str, Value]) -> Mapping[str, Value]:
    """The values of all paths that are not in `fixed`."""
    return {path: value for path, value in values.items() if path not in fixed} if fixed else values


def _outcome(trial: Trial, metric: str) -> tuple[ToldState, float | None, dict[int, float]]:
    """What `Told` has as state, value and by_epoch."""
    if trial.state == "failed":
        return "failed", None, {}
    last = trial.spared_at or trial.epoch
    by_epoch = {epoch: values[metric] for epoch, values in sorted(trial.epochs.items()) if epoch <= last}
    value = by_epoch[max(by_epoch)] if by_epoch else None
    if trial.state == "stopped" or trial.spared_at is not None:
        return "stopped", value, by_epoch
    if trial.state == "finished":
        return "finished", trial.merit if trial.expected is None else value, by_epoch
    if trial.state == "paused":
        return "paused", value, by_epoch
    return "running", value, by_epoch


def is_inside(space: Space, values: Mapping[str, Value]) -> bool:
    """Whether `values` has a value in the range of each field that its loss uses, and no other value."""
    wanted = active(space, values)
    return wanted.keys() == values.keys() and all(range_.contains(values[path]) for path, range_ in wanted.items())


class ToldTrials:
    """All trials of one space as its sampler sees them, for one ask after another.

    Args:
        space: the range of each searched field, by path.
        metric: the name of the search's measure among a trial's metrics.
        fixed: see `told_of`.
    """

    def __init__(self, space: Space, metric: str, fixed: Container[str] = ()) -> None:
        self._space, self._metric, self._fixed = space, metric, fixed
        self._all: list[Told | None] = []  # by place; None is left out
        self._going_on: list[int] = []  # the places of trials that have not ended

    def of(self, trials: Sequence[Trial]) -> list[Told]:
        """The trials that a sampler is told of, in order.

        Args:
            trials: those of the older search if there is one, then this search's by number. In each call the list must
                start with all trials of the previous call, in the same order.
        """
        places = [*self._going_on, *range(len(self._all), len(trials))]
        self._all += [None] * (len(trials) - len(self._all))
        for place in places:
            if not _still_waits(trials[place], self._all[place]):
                self._all[place] = told_of(self._space, trials[place], self._metric, place=place, fixed=self._fixed)
        self._going_on = [place for place in places if trials[place].state not in ENDED]
        return [one for one in self._all if one is not None]

    def going_on(self) -> list[Told]:
        """Those of the last call's trials that had not ended."""
        return [one for one in map(self._all.__getitem__, self._going_on) if one is not None]


def _still_waits(trial: Trial, told: Told | None) -> bool:
    """Whether a trial is paused where it was when it was told: then nothing of it has changed."""
    return told is not None and trial.state == told.state == "paused" and trial.epoch == max(told.by_epoch, default=0)
