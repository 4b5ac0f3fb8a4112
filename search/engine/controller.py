"""What a search does next. Every decision is in the journal before it is acted on.

Plain Python: the adapters for Ray ask the conductor for trials (`next_trial`), report to it (`launched`, `result`,
`fail`) and follow its decisions. A conductor that is made from a dead driver's journal goes on where that driver was.
Its decisions are those that the dead driver would have made, because rungs and sampler depend on the journal alone.
"""

import math
import time
from collections.abc import Callable, Iterable
from typing import Any, Literal, Protocol

from search.algorithms.asha import Asha, bracket_of, rung_epochs
from search.algorithms.luck import Luck
from search.algorithms.promotion import promotion_of
from search.algorithms.proposer import Agenda
from search.journal import failures
from search.journal.history import ENDED, History, State, Trial
from search.journal.log import Event
from spaces.spec import SearchSpec
from trainers.config import STEP
from trainers.errors import InputError
from trainers.loss_config import family

Listener = Callable[[Event, History], None]


class Writer(Protocol):
    """The methods of a journal that the conductor uses."""

    def append(self, event: Event) -> None:
        """Write an event durably. Raises OSError if that fails."""

    def close(self) -> None:
        """Close the journal: nothing more is written."""


class PausedError(RuntimeError):
    """The search can do nothing more for now."""


class Conductor:
    """Decides what a search does next. Nothing else writes events to the journal of a search that has begun."""

    def __init__(
        self,
        spec: SearchSpec,
        history: History,
        journal: Writer,
        agenda: Agenda,
        *,
        listeners: Iterable[Listener] = (),
        luck: Luck | None = None,
    ) -> None:
        self.spec, self.history = spec, history
        self._journal, self._agenda, self._listeners = journal, agenda, tuple(listeners)
        self._luck = luck  # None: run all trials
        self.metric, self.deciding = spec.search.metric_key, spec.deciding_key
        self._asha = Asha(
            rung_epochs(spec), spec.search.scheduler.reduction, spec.search.exempt_share, spec.search.seed
        )
        self._asha.replay(history.decisions)
        self._promotion = promotion_of(spec, history)  # None: trials do not pause
        self._queue: list[int] = []  # trials that ran when an earlier session ended; they run first
        self._ended = 0  # how many trials ended in this session
        self._failed: list[int] = []  # which of these failed
        self._began = time.monotonic()
        self.paused: str | None = None  # why nothing more can be done for now
        self.is_over = False  # no trial is left to begin or to go on

    def open(self, **session: Any) -> None:
        """Begin a session: decide what a killed session left undecided, then queue the trials that were running.

        `session` has details that the journal records with the session's start.
        """
        self._write("start", **session)
        self._end_too_many()
        for trial in list(self.history.trials.values()):
            if trial.state not in ENDED:
                self._settle(trial)
        self._queue = [trial.number for trial in self.history.in_state("pending", "running")]

    def extend(self, trials: int) -> None:
        """Have the sampler propose `trials` more trials."""
        self._write("extended", trials=trials)

    def close(self, reason: str) -> None:
        """End the session. A resume goes on with the trials that have not ended."""
        try:
            self._write("close", reason=reason)
        finally:
            self._journal.close()

    def next_trial(self) -> Trial | None:
        """The trial to run now, after it was written to the journal; None if there is none now (see `is_over`).

        Raises PausedError if the next trial cannot be proposed or written; the search then does nothing more.
        """
        if self._queue:
            return self.history.trials[self._queue.pop(0)]
        number, planned = len(self.history.trials), self._agenda.planned(self.history)
        more_to_come = number < planned and not self._has_enough(planned)
        promoted = self._promote(more_to_come=more_to_come)
        if promoted is not None or not more_to_come:
            return promoted
        try:
            question = self._agenda.question(number, self.history)
        except InputError as error:  # raised by a sampler of the user's own
            self.pause(str(error))
            raise PausedError(str(error)) from None
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
        """Record that a worker has taken the trial."""
        self._write("launched", trial=number)

    def result(self, number: int, epoch: int, metrics: dict[str, float]) -> Literal["continue", "stop"]:
        """Record one epoch of a trial, and decide whether the trial goes on. A repeated epoch changes nothing.

        If a metric that the search needs is missing or not finite, the trial fails and "stop" is returned.
        """
        trial = self.history.trials[number]
        if trial.state in ENDED:
            return "continue" if trial.state == "finished" else "stop"
        if trial.state == "paused":
            return "stop"
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
        return "stop" if trial.state in ("stopped", "paused") else "continue"

    def fail(self, number: int, reason: str, *, by_values: bool = False) -> None:
        """Record that a trial failed for good.

        Args:
            number: the trial's number.
            reason: why, in words for a person.
            by_values: whether the trial's values were the cause, for example if the loss diverged; False if it crashed
                for another reason.
        """
        if self.history.trials[number].state not in (*ENDED, "paused"):  # no worker has a trial that waits
            self._end(number, "failed", reason=reason, score=None, by_values=by_values)

    def pause(self, reason: str) -> None:
        """Have the search do nothing more for now, for example because the disk is full. A resume goes on with it."""
        self.paused = self.paused or reason

    def hopeless(self) -> str | None:
        """A sentence with the commonest error and the values of failed trials, if too many failed; else None.

        Too many are at least three, and more than `search.max_failed_share` of this session's ended trials.

        Failures of earlier sessions do not count: their cause may be mended, and a resume must be able to go on. A
        running or paused trial that is further than every failed one counts as not failed: with many slots, the trials
        that fail end first.
        """
        bearable = self.spec.search.max_failed_share
        if len(self._failed) < 3 or len(self._failed) <= bearable * self._ended:
            return None
        failed = [self.history.trials[number] for number in self._failed]
        furthest = max(trial.epoch for trial in failed)
        going_on = self.history.in_state("running", "paused")
        come_through = [trial for trial in going_on if trial.epoch > furthest]
        known = self._ended + len(come_through)
        if len(failed) <= bearable * known:
            return None
        others = failures.in_words(failed, [*self.history.in_state("finished", "stopped"), *come_through])
        return f"{len(failed)} of {known} trials failed, {others}"

    def _has_enough(self, planned: int) -> bool:
        """Whether the trials that are left would add luck alone; if so, this is recorded, once in a search."""
        if self._luck is None or self.history.enough is not None:
            return False
        found = self._luck.verdict(self.history, planned)
        if found is not None:
            begun = len(self.history.trials)
            self._write("enough", trials=begun, left=planned - begun, gain=found.gain, noise=found.noise)
        return found is not None

    def _settle(self, trial: Trial) -> None:
        """Write the decision and the end that follow from a trial's newest epoch, unless the journal has them."""
        epoch = trial.epoch
        if epoch == 0:
            return
        value, last = trial.epochs[epoch][self.deciding], self.spec.last_epoch(trial.family)
        # at its last epoch a trial ends with its score, even if this epoch is a rung for trials of two stages
        if epoch < last and not any(decision.epoch == epoch for decision in trial.decisions):
            bracket = bracket_of(self.spec, trial.family)
            if self._promotion is not None:
                self._pause(trial, value, bracket)
                return
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

    def _pause(self, trial: Trial, value: float, bracket: int) -> None:
        """Pause a trial if its newest epoch is a rung. A baseline never pauses."""
        assert self._promotion is not None, "trials pause only by promotion"
        decision = None if trial.baseline else self._promotion.decide(trial.number, trial.epoch, value, bracket)
        if decision is None:
            return
        self._write("decision", **vars(decision))
        self._promotion.record(decision)
        self._end_too_many()

    def _end_too_many(self) -> None:
        """End the trials that wait where too many do. A killed session may have left one, and one at most."""
        while self._promotion is not None and (lowest := self._promotion.too_many()) is not None:
            self._end_paused(lowest)

    def _promote(self, *, more_to_come: bool) -> Trial | None:
        """A paused trial that goes on now; None if none does.

        If no trial runs and none is left to begin, those that still wait end, and the search is over.
        """
        if self._promotion is None:
            self.is_over = not more_to_come
            return None
        found = self._promotion.next(
            lambda numbers: self._agenda.expected(numbers, self.history), more_to_come=more_to_come
        )
        if found is not None:
            self._write("promoted", **vars(found))
            trial = self.history.trials[found.trial]
            self._promotion.promoted(trial.decisions[-1])
            return trial
        if not more_to_come and not self.history.in_state("pending", "running"):
            if self.history.lacks_judgement:
                self._write("judged", trials=self._agenda.judged(self.history))
            for number in self._promotion.end():
                self._end_paused(number)
            self.is_over = True
        return None

    def _end_paused(self, number: int) -> None:
        """End a trial that waits at a rung, and will not go on."""
        at = self.history.trials[number].decisions[-1]
        reason = f"waited at rung {at.rung} (epoch {at.epoch}) with {at.value:.4f}, and others went on"
        self._end(number, "stopped", reason=reason, score=None)

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
        up = round(time.monotonic() - self._began, 3)  # seconds of this session, from a clock that cannot be set
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
    whole = len(history.in_state(*ENDED)) == len(history.trials) >= agenda.planned(history)
    return whole and not history.lacks_judgement
