"""Promotion: every trial pauses at a rung, and the best that wait there go on from their checkpoints when it is time.

Asynchronous successive halving in its promotion form (Li et al. 2020, arXiv 1810.05934, algorithm 2): of the trials
that came to a rung, 1/reduction go on. There, those with the best values at the rung do. Here, it is those with the
most promising ends, by the model of all learning curves (curve_model): one value at a rung varies as much by luck as
trials differ. A trial that waits can still go on when later trials show that its region is good.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from search.algorithms.asha import rung_epochs
from search.journal.history import Decision, History
from spaces.spec import SearchSpec

OPTIMISM = 0.5  # a trial's worth is its expected score plus so many standard deviations
MOST_WAITING = 30  # at a rung; of more, the one with the lowest value there ends, as its turn would hardly come
Expectations = Callable[[Sequence[int]], list[tuple[float, float]] | None]  # see `proposer.Agenda.expected`
Place = tuple[int, int]  # bracket and rung


@dataclass(frozen=True)
class Promoted:
    """A paused trial that goes on, and why.

    Attributes:
        trial: its number.
        epoch: the rung's.
        came: how many trials have come to the rung.
        gone: how many of these went on before it.
        waiting: how many wait there, itself included.
        expected: its expected score at the end; None without a model, when the value at the rung decides.
        deviation: the standard deviation of that.
    """

    trial: int
    epoch: int
    came: int
    gone: int
    waiting: int
    expected: float | None
    deviation: float | None


class Promotion:
    """The rungs of one search, rebuilt from its history.

    Args:
        epochs: those of the rungs, ascending.
        reduction: of the trials that come to a rung, 1/reduction go on.
        history: the search's.
    """

    def __init__(self, epochs: tuple[int, ...], reduction: float, history: History) -> None:
        self._epochs, self._reduction = epochs, reduction
        self._came, self._gone = Counter[Place](), Counter[Place]()
        self._waiting: defaultdict[Place, dict[int, float]] = defaultdict(dict)  # values by trial
        for decision in history.decisions:
            self.record(decision)
        for trial in history.trials.values():
            went_on = [other for other in trial.decisions if history.promoted.get((trial.number, other.epoch))]
            for decision in went_on:
                self.promoted(decision)
            if trial.state != "paused" and trial.decisions and trial.decisions[-1] not in went_on:
                self._waiting[_place(trial.decisions[-1])].pop(trial.number, None)

    def decide(self, trial: int, epoch: int, value: float, bracket: int) -> Decision | None:
        """Pause a trial at a rung; None at other epochs. Call `record` once the decision is in the journal."""
        if epoch not in self._epochs:
            return None
        rung = self._epochs.index(epoch)
        return Decision(trial, epoch, rung, value, None, self._came[bracket, rung], "pause", bracket)

    def record(self, decision: Decision) -> None:
        """Have a trial wait at its rung."""
        place = _place(decision)
        self._came[place] += 1
        self._waiting[place][decision.trial] = decision.value

    def next(self, expected: Expectations, *, more_to_come: bool) -> Promoted | None:
        """The trial that goes on now, at the highest rung that has one; None if none does.

        Call `promoted` once this is in the journal.

        Args:
            expected: what trials are expected to score at their ends.
            more_to_come: whether the search has trials that have not begun. Then a rung waits until it has seen
                `reduction` trials, and the model has trials enough.
        """
        for place in sorted(self._waiting, key=lambda place: (-place[1], place[0])):
            waiting, came, gone = self._waiting[place], self._came[place], self._gone[place]
            if not waiting or gone >= came / self._reduction or (more_to_come and came < self._reduction):
                continue
            numbers = sorted(waiting)
            scores = expected(numbers)
            if scores is None and more_to_come:
                continue
            epoch = self._epochs[place[1]]
            if scores is None:
                best = max(numbers, key=lambda number: (waiting[number], -number))
                return Promoted(best, epoch, came, gone, len(waiting), None, None)
            at = max(range(len(numbers)), key=lambda at: (scores[at][0] + OPTIMISM * scores[at][1], -at))
            return Promoted(numbers[at], epoch, came, gone, len(waiting), *scores[at])
        return None

    def promoted(self, decision: Decision) -> None:
        """A trial goes on from the rung at which it was paused by `decision`."""
        place = _place(decision)
        self._gone[place] += 1
        self._waiting[place].pop(decision.trial, None)

    def too_many(self) -> int | None:
        """A trial that ends because more than MOST_WAITING wait at its rung; None if nowhere so many wait.

        It is taken from those that wait.
        """
        for place in sorted(self._waiting):
            waiting = self._waiting[place]
            if len(waiting) > MOST_WAITING:
                lowest = min(waiting, key=lambda number: (waiting[number], -number))
                del waiting[lowest]
                return lowest
        return None

    def end(self) -> Iterable[int]:
        """The trials that wait, in the order of their numbers; none waits any more."""
        left = sorted(number for waiting in self._waiting.values() for number in waiting)
        self._waiting.clear()
        return left


def promotion_of(spec: SearchSpec, history: History) -> Promotion | None:
    """The rungs of a search by promotion; None for another scheduler."""
    scheduler = spec.search.scheduler
    if scheduler.name != "promotion":
        return None
    return Promotion(rung_epochs(spec), scheduler.reduction, history)


def _place(decision: Decision) -> Place:
    return decision.bracket, decision.rung
