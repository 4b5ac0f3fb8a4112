"""A search on known learning curves: the real agenda, sampler, ASHA and controller, without Ray.

Trials take simulated time: the clock jumps from one epoch's end to the next, so a search of hours takes seconds. The
decisions are those of a search on Ray in which epochs end in the same order.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from search.algorithms.luck import Luck
from search.algorithms.proposer import Agenda, SearchAgenda
from search.engine.controller import Conductor
from search.journal.history import History, Trial
from search.journal.log import Event
from spaces.spec import SearchSpec


class Curves(Protocol):
    """The learning curve of each trial, and how long its epochs take."""

    def value(self, trial: Trial, epoch: int) -> float:
        """The value at the end of `epoch` (from 1): both the score and what rungs compare.

        Raises CurveFailed if the trial fails in this epoch.
        """

    def seconds(self, trial: Trial, epoch: int) -> float:
        """The duration of `epoch` in seconds."""


class CurveFailed(Exception):  # an event of a simulated trial, not an error of ours
    """A trial fails in an epoch because of its values."""


@dataclass
class Replay:
    """The result of a replayed search."""

    history: History
    seconds: float = 0.0  # of the simulated clock
    epochs: int = 0  # over all trials
    events: list[Event] = field(default_factory=list)


class _InMemory:
    """A journal that is not written to a file."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events

    def append(self, event: Event) -> None:
        """Keep an event."""
        self._events.append(event)

    def close(self) -> None:
        """Do nothing, as no file is open."""


def replay(
    spec: SearchSpec,
    curves: Curves,
    *,
    slots: int = 1,
    most_epochs: int | None = None,
    agenda: Agenda | None = None,
    luck: Luck | None = None,
    on_trial_end: Callable[[Trial, Replay], None] = lambda trial, so_far: None,
) -> Replay:
    """Run a search on known curves, to its end or until `most_epochs` epochs have run.

    Args:
        spec: the search's spec.
        curves: the values that its trials report.
        slots: how many trials run at once.
        most_epochs: how many epochs may run, summed over all trials. With None the search runs to its end.
        agenda: proposes the trials; by default as the spec says.
        luck: its size, for a search that is to stop when the rest is luck.
        on_trial_end: is called with each trial that has ended and the state of the replay at that time.
    """
    made = Replay(History())
    agenda = agenda or SearchAgenda(spec, slots)
    conductor = Conductor(spec, made.history, _InMemory(made.events), agenda, luck=luck)
    conductor.open(slots=slots)
    running: list[tuple[float, int, int]] = []  # a heap of (end of the next epoch, trial, epoch)

    def fill() -> None:
        while len(running) < slots and (most_epochs is None or made.epochs + len(running) < most_epochs):
            trial = conductor.next_trial()
            if trial is None:
                return
            conductor.launched(trial.number)
            epoch = trial.epoch + 1  # above 1 for a trial that was paused
            heapq.heappush(running, (made.seconds + curves.seconds(trial, epoch), trial.number, epoch))

    fill()
    while running:
        made.seconds, number, epoch = heapq.heappop(running)
        made.epochs += 1
        trial = made.history.trials[number]
        goes_on = _report(conductor, curves, trial, epoch)
        if goes_on and (most_epochs is None or made.epochs + len(running) < most_epochs):
            heapq.heappush(running, (made.seconds + curves.seconds(trial, epoch + 1), number, epoch + 1))
        elif not goes_on:
            on_trial_end(trial, made)
            if conductor.hopeless() is not None:
                break
        fill()
    conductor.close("done")
    return made


def _report(conductor: Conductor, curves: Curves, trial: Trial, epoch: int) -> bool:
    """Report the end of an epoch. Returns whether the trial goes on."""
    try:
        value = curves.value(trial, epoch)
    except CurveFailed as error:
        conductor.fail(trial.number, f"diverged: {error}", by_values=True)
        return False
    conductor.result(trial.number, epoch, {conductor.metric: value, conductor.deciding: value})
    return trial.state == "running"
