"""What a search does next. Every decision is in the journal before it is acted on.

Plain Python: Ray's adapters ask it (`next_trial`), tell it (`launched`, `result`, `crashed`) and obey. Made from a
journal that a dead driver left, it goes on where that one was: what was begun and not ended is decided again, the
same way, because rungs and sampler depend on the journal alone.
"""

import math
import time
from collections.abc import Callable, Iterable
from typing import Any, Literal, Protocol

from search.algorithms.asha import Asha, bracket_of, rung_epochs
from search.algorithms.proposer import Agenda
from search.journal import failures
from search.journal.history import ENDED, History, State, Trial
from search.journal.log import Event
from spaces.spec import SearchSpec
from trainers.config import STEP
from trainers.loss_config import family

Listener = Callable[[Event, History], None]


class Writer(Protocol):
    """A journal, as far as the conductor needs it."""

    def append(self, event: Event) -> None:
        """Write an event durably. Raises OSError if that fails."""

    def close(self) -> None:
        """Write no more."""


class PausedError(RuntimeError):
    """The search can do nothing more for now."""


class Conductor:
    """The one writer of a search's journal, once the search is there."""

    def __init__(
        self,
        spec: SearchSpec,
        history: History,
        journal: Writer,
        agenda: Agenda,
        *,
        listeners: Iterable[Listener] = (),
    ) -> None:
        self.spec, self.history = spec, history
        self._journal, self._agenda, self._listeners = journal, agenda, tuple(listeners)
        self.metric, self.deciding = spec.search.metric_key, spec.deciding_key
        self._asha = Asha(
            rung_epochs(spec), spec.search.scheduler.reduction, spec.search.exempt_share, spec.search.seed
        )
        self._asha.replay(history.decisions)
        self._queue: list[int] = []
        self._ended = 0  # trials in this session
        self._failed: list[int] = []  # of them
        self._began = time.monotonic()
        self.paused: str | None = None  # why nothing more can be done for now

    def open(self, **session: Any) -> None:
        """Begin a session: decide what a dead session left undecided, then queue what it left unfinished."""
        self._write("start", **session)
        for trial in list(self.history.trials.values()):
            if trial.state not in ENDED:
                self._settle(trial)
        self._queue = [trial.number for trial in self.history.trials.values() if trial.state not in ENDED]

    def extend(self, trials: int) -> None:
        """Have the sampler propose so many trials more."""
        self._write("extended", trials=trials)

    def close(self, reason: str) -> None:
        """End a session; what is not ended can be resumed."""
        try:
            self._write("close", reason=reason)
        finally:
            self._journal.close()

    def next_trial(self) -> Trial | None:
        """The trial to run now, journaled; None when there is nothing more to ask."""
        if self._queue:
            return self.history.trials[self._queue.pop(0)]
        number = len(self.history.trials)
        if number >= self._agenda.planned(self.history):
            return None
        question = self._agenda.question(number, self.history)
        self._write(
            "asked",
            trial=number,
            family=family(question.config.loss),
            baseline=question.baseline,
            values=question.values,
            config=question.config.model_dump(mode="json", exclude=question.config.unused),
            note=question.note,
        )
        return self.history.trials[number]

    def launched(self, number: int) -> None:
        """A worker has taken the trial."""
        self._write("launched", trial=number)

    def result(self, number: int, epoch: int, metrics: dict[str, float]) -> Literal["continue", "stop"]:
        """Record one epoch of a trial and decide. An epoch that was reported before changes nothing."""
        trial = self.history.trials[number]
        if trial.state in ENDED:
            return "continue" if trial.state == "finished" else "stop"
        if epoch in trial.epochs:
            return "continue"
        for needed in (self.metric, self.deciding):
            value = metrics.get(needed, math.nan)
            if not math.isfinite(value):
                is_there = needed in metrics
                reason = f"{needed} is {value if is_there else 'missing'} at {STEP} {epoch}"
                self.fail(number, reason, by_values=is_there)
                return "stop"
        self._write("result", trial=number, epoch=epoch, metrics=metrics)
        self._settle(trial)
        return "stop" if trial.state == "stopped" else "continue"

    def fail(self, number: int, reason: str, *, by_values: bool = False) -> None:
        """A trial failed for good.

        Args:
            number: of the trial.
            reason: for a person.
            by_values: whether its values made it fail, as when it diverged; not so where it crashed.
        """
        if self.history.trials[number].state not in ENDED:
            self._end(number, "failed", reason=reason, score=None, by_values=by_values)

    def pause(self, reason: str) -> None:
        """Nothing more can be done for now, the disk being full say; what runs is to be ended, to be resumed later."""
        self.paused = self.paused or reason

    def hopeless(self) -> str | None:
        """The commonest error and the values that failed, when too many of the session's trials did; else None.

        What failed in earlier sessions does not count: its cause may be mended, and a resume must be able to go on. A
        running trial that has come further than any that failed counts as one that did not: with many slots those that
        fail end first.
        """
        bearable = self.spec.search.max_failed_share
        if len(self._failed) < 3 or len(self._failed) <= bearable * self._ended:
            return None
        failed = [self.history.trials[number] for number in self._failed]
        furthest = max(trial.epoch for trial in failed)
        come_through = [trial for trial in self.history.in_state("running") if trial.epoch > furthest]
        known = self._ended + len(come_through)
        if len(failed) <= bearable * known:
            return None
        others = failures.in_words(failed, [*self.history.in_state("finished", "stopped"), *come_through])
        return f"{len(failed)} of {known} trials failed, {others}"

    def _settle(self, trial: Trial) -> None:
        """Draw from a trial's newest epoch what follows from it and has not been drawn yet."""
        epoch = trial.epoch
        if epoch == 0:
            return
        value, last = trial.epochs[epoch][self.deciding], self.spec.last_epoch(trial.family)
        # at its last epoch a trial ends with its score, also where one of two stages stands at a rung
        if epoch < last and not any(decision.epoch == epoch for decision in trial.decisions):
            bracket = bracket_of(self.spec, trial.family)
            decision = self._asha.decide(trial.number, epoch, value, exempt=trial.baseline, bracket=bracket)
            if decision is not None:
                self._write("decision", **vars(decision))
                self._asha.record(decision)
        newest = trial.decisions[-1] if trial.decisions else None
        if newest is not None and newest.action == "stop":
            what = "" if self.deciding == self.metric else f"{self.deciding} "
            self._end(trial.number, "stopped", reason=f"{what}{newest.reason()}", score=None)
        elif epoch >= last:
            more = {} if self.deciding == self.metric else {"decided": value}
            self._end(trial.number, "finished", reason=None, score=trial.epochs[epoch][self.metric], **more)

    def _end(self, number: int, state: State, *, reason: str | None, score: float | None, **more: float) -> None:
        trial = self.history.trials[number]
        reached = {"epoch": trial.epoch, "rung": trial.rung}
        self._write("end", trial=number, state=state, **reached, reason=reason, score=score, **more)
        self._ended += 1
        if state == "failed":
            self._failed.append(number)

    def _write(self, event: str, **details: Any) -> None:
        if self.paused and event != "close":
            raise PausedError(self.paused)
        up = round(time.monotonic() - self._began, 3)  # seconds of this session, whatever is done to the clock
        entry: Event = {"event": event, "time": time.time_ns() // 1_000_000, "up": up, **details}
        try:
            self._journal.append(entry)
        except OSError as error:  # an event that is not in the journal has not happened
            self.pause(f"the journal cannot be written ({error.strerror or error})")
            raise PausedError(str(self.paused)) from error
        self.history.apply(entry)
        for listener in self._listeners:
            listener(entry, self.history)


def is_complete(agenda: Agenda, history: History) -> bool:
    """Whether every planned trial has ended."""
    return len(history.in_state(*ENDED)) == len(history.trials) >= agenda.planned(history)
