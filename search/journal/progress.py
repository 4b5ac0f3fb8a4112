"""How far a search has come. Each event updates the counts, so even ten thousand trials are counted only once."""

from bisect import insort

from search.journal.history import ENDED, History, Trial
from search.journal.log import Event

BEST = 5  # how many of the best trials `Progress.best` has


STAGES = ("representation", "classifier")
AS_TRIALS = 5  # the expected epochs weigh as much as this many ended trials, so that estimates do not jump
UNKNOWN_CLASSIFIER = 0.1  # assumed cost of a stage-two epoch, in stage-one epochs, until one has been timed


class Progress:
    """Counts of a search that is running.

    Args:
        history: the search's history. Call `on_event` with each event that is added to it from now on.
        stage_one: how many epochs of stage one a trial has.
    """

    def __init__(self, history: History, stage_one: int) -> None:
        self.history, self._stage_one = history, stage_one
        self._begun = {trial.number: trial for trial in history.trials.values() if trial.state not in ENDED}
        self.ended = 0
        self.epochs = [0, 0]  # how many are done, by stage
        self._seconds = [0.0, 0.0]  # how long the epochs with a known time took, by stage
        self._timed = [0, 0]  # how many epochs have a known time, by stage
        self._courses: dict[int, int] = {}  # epochs of the proposed trials that ended or paused, as of then, by trial
        self._epochs_of_proposals = [0, 0]  # how many epochs these took, by stage
        for trial in history.trials.values():
            for epoch in trial.epochs:
                self._count(trial, epoch)
            for decision in trial.decisions:
                if decision.action == "pause":
                    self._add_course(trial, decision.epoch)
            if trial.state in ENDED:
                self._end(trial)
        self._best = history.ranked()[:BEST]

    def on_event(self, event: Event) -> None:
        """Count an event that has just been added to the history."""
        if event["event"] == "asked":
            self._begun[event["trial"]] = self.history.trials[event["trial"]]
        elif event["event"] == "result":
            self._count(self.history.trials[event["trial"]], event["epoch"])
        elif event["event"] == "decision" and event["action"] == "pause":
            self._add_course(self.history.trials[event["trial"]], event["epoch"])
        elif event["event"] == "judged":
            self._best = self.history.ranked()[:BEST]
        elif event["event"] == "end" and event["trial"] in self._begun:
            trial = self._begun.pop(event["trial"])
            self._end(trial)
            if trial.decided is not None:  # the places of all trials of its kind may have changed
                self._best = self.history.ranked()[:BEST]
            elif trial.state == "finished":
                insort(self._best, trial, key=lambda one: (-one.merit, one.number))
                del self._best[BEST:]

    def _count(self, trial: Trial, epoch: int) -> None:
        stage = int(epoch > self._stage_one)
        self.epochs[stage] += 1
        key = f"{STAGES[stage]}_seconds"  # a trial reports the sum over its epochs of the stage so far
        now, before = trial.epochs[epoch].get(key), trial.epochs.get(epoch - 1, {}).get(key, 0.0)
        if now is not None:
            self._seconds[stage] += now - before
            self._timed[stage] += 1

    def _end(self, trial: Trial) -> None:
        self.ended += 1
        self._add_course(trial, trial.epoch)

    def _add_course(self, trial: Trial, epoch: int) -> None:
        """Count the epochs up to `epoch`, at which a proposed trial has ended or paused."""
        if trial.baseline:
            return
        before = self._courses.get(trial.number, 0)
        self._courses[trial.number] = epoch
        one = min(epoch, self._stage_one) - min(before, self._stage_one)
        self._epochs_of_proposals[0] += one
        self._epochs_of_proposals[1] += epoch - before - one

    @property
    def trials(self) -> int:
        """How many trials have been asked for."""
        return len(self.history.trials)

    @property
    def begun(self) -> list[Trial]:
        """Trials that have not ended, in the order of their numbers."""
        return [self._begun[number] for number in sorted(self._begun)]

    @property
    def running(self) -> list[Trial]:
        """Trials that are running on a worker, in the order of their numbers."""
        return [trial for trial in self.begun if trial.state == "running"]

    @property
    def best(self) -> list[Trial]:
        """The best finished trials, at most five, the best first."""
        return self._best

    def usual_epochs(self, expected: tuple[float, float]) -> tuple[float, float]:
        """How many epochs of each stage a proposed trial takes: an average over those that ended or paused.

        Args:
            expected: the epochs of each stage to assume before any proposed trial has ended or paused. They weigh as
                much as AS_TRIALS trials.
        """
        count = AS_TRIALS + len(self._courses)
        one, two = (AS_TRIALS * each + done for each, done in zip(expected, self._epochs_of_proposals, strict=True))
        return one / count, two / count

    def cost(self, one: float, two: float) -> float:
        """The time of `one` epochs of stage one and `two` of stage two, in seconds, as timed in this search's trials.

        Until an epoch of stage one has been timed, the unit is the epoch of stage one.
        """
        first = self._seconds[0] / self._timed[0] if self._timed[0] else 1.0
        second = self._seconds[1] / self._timed[1] if self._timed[1] else UNKNOWN_CLASSIFIER * first
        return one * first + two * second

    @property
    def cost_done(self) -> float:
        """The cost of the epochs done so far; see `cost`."""
        return self.cost(*self.epochs)
