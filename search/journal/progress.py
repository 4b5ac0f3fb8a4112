"""How far a search has come, kept up event by event: a search of ten thousand trials is counted once."""

from bisect import insort

from search.journal.history import ENDED, History, Trial
from search.journal.log import Event

BEST = 5


class Progress:
    """Counts of a search that a driver has.

    Args:
        history: as it is now; `on_event` must be told of each thing that happens to it from now on.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self._begun = {trial.number: trial for trial in history.trials.values() if trial.state not in ENDED}
        ended = history.in_state(*ENDED)
        self.ended = len(ended)
        self.epochs_done = sum(len(trial.epochs) for trial in history.trials.values())
        took = [trial.epoch for trial in ended if not trial.baseline]
        self._proposals_ended, self._epochs_of_proposals = len(took), sum(took)
        self._best = [(-score, trial.number) for trial in history.ranked()[:BEST] if (score := trial.score) is not None]

    def on_event(self, event: Event) -> None:
        """One thing happened; the history has it already."""
        if event["event"] == "asked":
            self._begun[event["trial"]] = self.history.trials[event["trial"]]
        elif event["event"] == "result":
            self.epochs_done += 1
        elif event["event"] == "end" and event["trial"] in self._begun:
            trial = self._begun.pop(event["trial"])
            self.ended += 1
            if not trial.baseline:
                self._proposals_ended += 1
                self._epochs_of_proposals += trial.epoch
            if trial.state == "finished" and trial.score is not None:
                insort(self._best, (-trial.score, trial.number))
                del self._best[BEST:]

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
        return [self.history.trials[number] for _, number in self._best]

    def usual_epochs(self, while_few: float) -> float:
        """Epochs that a proposed trial took, on average. while_few: what is said until five have ended."""
        return self._epochs_of_proposals / self._proposals_ended if self._proposals_ended >= 5 else while_few
