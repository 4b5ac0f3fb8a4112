"""Any optimiser on known learning curves: an event-driven clock, several slots, a budget of epochs.

It needs numpy and the curves alone, because each peer runs in an environment of its own. The clock is that of
`search.engine.replay`, by which the product itself is compared: it jumps from one epoch's end to the next, an
optimiser's thinking takes no time, and no epoch begins that the budget has no room for.
"""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from curves import CurveFailed, Curves

Answer = Literal["go", "stop", "pause"]


class Peer(Protocol):
    """An optimiser. Trials are numbered from 0 as it proposes them."""

    def propose(self) -> tuple[int, dict[str, float]] | None:
        """A new trial's number and values, or those of a paused one, which goes on at its next epoch.

        None: nothing to run until some trial has reported; with nothing running, the search is over.
        """

    def report(self, number: int, epoch: int, value: float) -> Answer:
        """Take the score of an epoch from 1. What is answered at the last epoch has no meaning: the trial has ended."""

    def failed(self, number: int) -> None:
        """The trial failed in its next epoch, and has ended."""


@dataclass(frozen=True)
class Setting:
    """What one search may spend."""

    seed: int
    slots: int
    most_epochs: int  # over all trials


@dataclass(frozen=True)
class Row:
    """One epoch of one trial."""

    number: int
    values: Mapping[str, float]
    epoch: int
    value: float | None  # None: it failed
    seconds: float  # of the simulated clock, at the epoch's end
    epochs_spent: int  # over all trials, this epoch included


def drive(peer: Peer, curves: Curves, *, slots: int, most_epochs: int) -> list[Row]:
    """Run an optimiser until the budget is spent or it has nothing more to propose.

    Args:
        peer: the optimiser.
        curves: what its trials report. Where they have `nearest`, as a table of recorded ones has, that is what is
            tried in place of a proposal.
        slots: how many trials run at once.
        most_epochs: begin no epoch after so many, over all trials.

    Returns:
        The epochs in the order of their ends.
    """
    rows: list[Row] = []
    tried: dict[int, Mapping[str, float]] = {}  # values by trial
    reached: dict[int, int] = {}  # epochs by trial that may go on
    running: list[tuple[float, int, int]] = []  # a heap: when the next epoch ends, of which trial, which epoch
    now = 0.0

    def has_room() -> bool:
        return len(rows) + len(running) < most_epochs

    def begin(number: int, epoch: int) -> None:
        heapq.heappush(running, (now + curves.seconds(tried[number], epoch), number, epoch))

    def fill() -> None:
        while len(running) < slots and has_room():
            proposed = peer.propose()
            if proposed is None:
                return
            number, values = proposed
            if number not in tried:
                try:
                    tried[number] = nearest(values) if (nearest := getattr(curves, "nearest", None)) else dict(values)
                except LookupError:  # every recorded configuration has been tried
                    return
            begin(number, reached.pop(number, 0) + 1)

    fill()
    while running:
        now, number, epoch = heapq.heappop(running)
        try:
            value = curves.value(tried[number], number, epoch)
        except CurveFailed:
            value = None
        rows.append(Row(number, tried[number], epoch, value, now, len(rows) + 1))
        if value is None:
            peer.failed(number)
        else:
            answer = peer.report(number, epoch, value)
            if answer == "pause":
                reached[number] = epoch
            elif answer == "go" and epoch < curves.epochs and has_room():
                begin(number, epoch + 1)
        fill()
    return rows
