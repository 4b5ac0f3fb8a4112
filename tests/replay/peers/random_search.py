"""Random search without stopping: each trial runs to its end. Zero has a quarter of a field that may be zero."""

import random

from curves import Curves
from peers.loop import Answer, Row, Setting, drive


class RandomSearch:
    """Independent draws."""

    def __init__(self, curves: Curves, seed: int) -> None:
        self._space, self._rng, self._count = curves.space, random.Random(f"random search {seed}"), 0

    def propose(self) -> tuple[int, dict[str, float]]:
        number, self._count = self._count, self._count + 1
        return number, {path: field.from_unit(self._rng.random()) for path, field in self._space.items()}

    def report(self, number: int, epoch: int, value: float) -> Answer:
        return "go"

    def failed(self, number: int) -> None:
        pass


def search(name: str, curves: Curves, setting: Setting) -> list[Row]:
    """The one way there is."""
    peer = RandomSearch(curves, setting.seed)
    return drive(peer, curves, slots=setting.slots, most_epochs=setting.most_epochs)
