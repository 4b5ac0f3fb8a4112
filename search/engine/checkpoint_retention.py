"""Which checkpoints stay: those of running and paused trials, and the last ones of the search's best."""

from collections.abc import Callable

from search.journal.history import ENDED, History, best_of_cl
from search.journal.log import Event
from search.storage.search_folder import SearchFolder


class Keeper:
    """Removes the checkpoints of ended trials that need not be kept, so that the disk does not fill up."""

    def __init__(
        self,
        folder: SearchFolder,
        history: History,
        to_keep: Callable[[History], set[int]],
        drop: Callable[[int, int], object] | None = None,
    ) -> None:
        """Also removes checkpoints of ended trials that a killed session left.

        `drop` removes all but the newest checkpoints of a trial, by default from its folder.
        """
        self._drop = drop or (lambda number, keep: folder.trial(number).drop_checkpoints(keep))
        self._to_keep = to_keep
        self._kept = to_keep(history)
        for trial in history.in_state(*ENDED):
            self._drop(trial.number, int(trial.number in self._kept))

    def on_event(self, event: Event, history: History) -> None:
        """One thing happened."""
        if event["event"] != "end":
            return
        best = self._to_keep(history)
        for number in (self._kept | {event["trial"]}) - best:
            self._drop(number, 0)
        for number in best - self._kept:
            self._drop(number, 1)
        self._kept = best


def best_and_contrast(history: History, best: int) -> set[int]:
    """The best trials, and the best CL trial wherever it ranks: the report shows its encoder beside the winner's."""
    contrast = best_of_cl(history)
    return {trial.number for trial in history.ranked()[:best]} | ({contrast.number} if contrast else set())
