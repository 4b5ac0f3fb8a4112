"""How far a search has come, kept up event by event: a search of ten thousand trials is counted once."""

from bisect import insort

from search.journal.history import ENDED, History, Trial
from search.journal.log import Event

BEST = 5


STAGES = ("representation", "classifier")
AS_TRIALS = 5  # ended proposals: what was expected counts as these, so that no estimate jumps when they have ended
UNKNOWN_CLASSIFIER = 0.1  # epochs of stage one that one of stage two is taken for until one has been timed


class Progress:
    """Counts of a search that a driver has.

    Args:
        history: as it is now; `on_event` must be told of each thing that happens to it from now on.
        stage_one: the epochs of stage one in a trial.
    """

    def __init__(self, history: History, stage_one: int) -> None:
        self.history, self._stage_one = history, stage_one
        self._begun = {trial.number: trial for trial in history.trials.values() if trial.state not in ENDED}
        self.ended = 0
        self.epochs = [0, 0]  # done, by stage
        self._seconds = [0.0, 0.0]  # that they took, by stage, where trials told so
        self._timed = [0, 0]  # epochs of which that is known
        self._proposals = 0  # ended ones
        self._epochs_of_proposals = [0, 0]
        for trial in history.trials.values():
            for epoch in trial.epochs:
                self._count(trial, epoch)
            if trial.state in ENDED:
                self._end(trial)
        self._best = history.ranked()[:BEST]

    def on_event(self, event: Event) -> None:
        """One thing happened; the history has it already."""
        if event["event"] == "asked":
            self._begun[event["trial"]] = self.history.trials[event["trial"]]
        elif event["event"] == "result":
            self._count(self.history.trials[event["trial"]], event["epoch"])
        elif event["event"] == "end" and event["trial"] in self._begun:
            trial = self._begun.pop(event["trial"])
            self._end(trial)
            if trial.decided is not None:  # each of its kind may have moved
                self._best = self.history.ranked()[:BEST]
            elif trial.state == "finished":
                insort(self._best, trial, key=lambda one: (-one.merit, one.number))
                del self._best[BEST:]

    def _count(self, trial: Trial, epoch: int) -> None:
        stage = int(epoch > self._stage_one)
        self.epochs[stage] += 1
        key = f"{STAGES[stage]}_seconds"  # a trial tells of all its epochs of the stage so far
        now, before = trial.epochs[epoch].get(key), trial.epochs.get(epoch - 1, {}).get(key, 0.0)
        if now is not None:
            self._seconds[stage] += now - before
            self._timed[stage] += 1

    def _end(self, trial: Trial) -> None:
        self.ended += 1
        if not trial.baseline:
            self._proposals += 1
            one = min(trial.epoch, self._stage_one)
            self._epochs_of_proposals[0] += one
            self._epochs_of_proposals[1] += trial.epoch - one

    @property
    def trials(self) -> int:
        """How many trials have been asked for."""
        return len(self.history.trials)

    @property
    def begun(self) -> list[Trial]:
        """Trials that have not ended, by number."""
        return [self._begun[number] for number in sorted(self._begun)]

    @property
    def running(self) -> list[Trial]:
        """Trials that a worker has, by number."""
        return [trial for trial in self.begun if trial.state == "running"]

    @property
    def best(self) -> list[Trial]:
        """The best finished trials, at most five, the best first."""
        return self._best

    def usual_epochs(self, expected: tuple[float, float]) -> tuple[float, float]:
        """Epochs of each stage that a proposed trial takes, on average.

        Args:
            expected: what it is taken for before any has ended; it counts as much as AS_TRIALS of them do.
        """
        count = AS_TRIALS + self._proposals
        one, two = (AS_TRIALS * each + done for each, done in zip(expected, self._epochs_of_proposals, strict=True))
        return one / count, two / count

    def cost(self, one: float, two: float) -> float:
        """What so many epochs of the stages cost, in seconds of a trial as the search's own trials took them.

        Until one has been timed, in epochs of stage one.
        """
        first = self._seconds[0] / self._timed[0] if self._timed[0] else 1.0
        second = self._seconds[1] / self._timed[1] if self._timed[1] else UNKNOWN_CLASSIFIER * first
        return one * first + two * second

    @property
    def cost_done(self) -> float:
        """What the epochs cost that are done, see `cost`."""
        return self.cost(*self.epochs)
