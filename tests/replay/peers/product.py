"""This project's own search, through `search.engine.replay`: the real agenda, sampler, ASHA and controller.

The demo's search settings as they come: TPE with ASHA of grace 2 and reduction 3. Set here: no baselines, which no
peer has; the seed; as many trials as the budget could begin; and `search.max_failed_share`, so that it never gives up
on failing trials, as no peer does. `ours-random` has random draws in place of TPE.
"""

import heapq
from dataclasses import dataclass, field

from curves import Curves
from peers.loop import Row, Setting
from played import Played, play, spec_of

from search.journal.history import Trial

SETTINGS = {"ours": ["search.sampler=tpe"], "ours-random": ["search.sampler=random"]}


def search(name: str, curves: Curves, setting: Setting) -> list[Row]:
    """Run the product on the curves."""
    never_give_up = "search.max_failed_share=1"
    spec = spec_of(curves, setting.seed, setting.most_epochs, never_give_up, *SETTINGS[name])
    clocked = Clocked(curves)
    play(curves, spec, slots=setting.slots, most_epochs=setting.most_epochs, played=clocked)
    return clocked.rows


@dataclass
class Clocked(Played):
    """What the product was told, and when."""

    rows: list[Row] = field(default_factory=list)
    _ends: list[tuple[float, int, int]] = field(default_factory=list)  # a heap, as the product's own

    def seconds(self, trial: Trial, epoch: int) -> float:
        """How long an epoch takes, which begins now."""
        takes = super().seconds(trial, epoch)
        now = self.rows[-1].seconds if self.rows else 0.0
        heapq.heappush(self._ends, (now + takes, trial.number, epoch))
        return takes

    def value(self, trial: Trial, epoch: int) -> float:
        """The score of the epoch that ends now."""
        now, number, ended = heapq.heappop(self._ends)
        assert (number, ended) == (trial.number, epoch), "the product's clock and this one disagree"
        try:
            return super().value(trial, epoch)
        finally:
            told = self.told[-1]
            self.rows.append(Row(number, told.values, epoch, told.value, now, len(self.rows) + 1))
