"""Which checkpoints stay: those of running and paused trials, and the last checkpoint of each of the best trials.

In a search by promotion all learning curves rank the finished trials anew when the search is over (the event `judged`).
Until then UNJUDGED of them keep their last checkpoint.
"""

from collections.abc import Callable

from search.journal.history import ENDED, History, best_of_cl
from search.journal.log import Event
from search.storage.search_folder import SearchFolder

UNJUDGED = 100  # finished trials that keep their weights until they are judged


class Keeper:
    """Removes those checkpoints of ended trials that are not needed any more, so that the disk does not fill up."""

    def __init__(
        self,
        folder: SearchFolder,
        history: History,
        to_keep: Callable[[History], set[int]],
        drop: Callable[[int, int], object] | None = None,
    ) -> None:
        """Remove the unneeded checkpoints of ended trials that a killed session left.

        Args:
            folder: the search's folder.
            history: the search's history so far.
            to_keep: takes a history, and returns the numbers of the trials whose last checkpoint stays.
            drop: takes a trial's number and a count, and removes the trial's checkpoints except the `count` newest.
                By default it removes them from the trial's folder.
        """
        self._drop = drop or (lambda number, keep: folder.trial(number).drop_checkpoints(keep))
        self._to_keep = to_keep
        self._kept = to_keep(history)
        for trial in history.in_state(*ENDED):
            self._drop(trial.number, int(trial.number in self._kept))

    def on_event(self, event: Event, history: History) -> None:
        """When a trial has ended, or all were judged, remove the checkpoints that need not be kept any more."""
        if event["event"] not in ("end", "judged"):
            return
        best, ended = self._to_keep(history), {event["trial"]} if event["event"] == "end" else set()
        for number in (self._kept | ended) - best:
            self._drop(number, 0)
        for number in best - self._kept:
            self._drop(number, 1)
        self._kept = best


def best_and_contrast(history: History, best: int) -> set[int]:
    """The numbers of the `best` best trials, of UNJUDGED before a judgement, and of the best CL trial.

    The report shows the encoder of the best CL trial beside the winner's.
    """
    contrast, most = best_of_cl(history), max(best, UNJUDGED) if history.lacks_judgement else best
    return {trial.number for trial in history.ranked()[:most]} | ({contrast.number} if contrast else set())
