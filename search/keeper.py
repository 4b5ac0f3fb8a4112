"""Which checkpoints stay: those of running and paused trials, and the last ones of the search's best."""

from search.history import History, Trial
from search.journal import Event
from search.store import SearchFolder


class Keeper:
    """Removes a trial's checkpoints when it has ended, unless it is among the best; the disk stays bounded."""

    def __init__(self, folder: SearchFolder, best: int) -> None:
        self._folder, self._best = folder, best
        self._kept: set[int] = set()

    def on_event(self, event: Event, history: History) -> None:
        """One thing happened."""
        if event["event"] != "end":
            return
        best = to_keep(history, self._best)
        for number in (self._kept | {event["trial"]}) - best:
            self._folder.trial(number).drop_checkpoints()
        for number in best - self._kept:
            self._folder.trial(number).drop_checkpoints(keep=1)
        self._kept = best


def to_keep(history: History, best: int) -> set[int]:
    """The best trials, and the best CL trial wherever it ranks: the report shows its encoder beside the winner's."""
    contrast = best_of_cl(history)
    return {trial.number for trial in history.ranked()[:best]} | ({contrast.number} if contrast else set())


def best_of_cl(history: History) -> Trial | None:
    """The best finished trial of plain contrastive loss, baseline or not."""
    return next((trial for trial in history.ranked() if trial.family == "CL"), None)
