"""What a search lacks to the best there is, by one rule for all searches that are compared."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from curves import Curves

CHANCE = 0.5  # the truth of having found nothing


class Told(Protocol):
    """What a search was told at the end of one trial's epoch; no value where it failed."""

    @property
    def epoch(self) -> int:
        """From 1."""

    @property
    def value(self) -> float | None:
        """The validation score."""

    @property
    def values(self) -> Mapping[str, float]:
        """Of the trial."""


def regrets(told: Iterable[Told], curves: Curves) -> Iterator[float]:
    """After each epoch: what the truth of the incumbent lacks to the best there is.

    The incumbent is, of trials that finished, the one with the best last value; while none has, the one with the best
    value at the furthest epoch that any has reached. Of equals it is the first.
    """
    best: tuple[bool, int, float] | None = None
    truth = CHANCE
    for one in told:
        if one.value is not None:
            rank = (one.epoch >= curves.epochs, one.epoch, one.value)
            if best is None or rank > best:
                best, truth = rank, curves.truth(one.values)
        yield curves.best - truth
