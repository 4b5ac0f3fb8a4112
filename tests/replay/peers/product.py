"""This project's own search, through `search.engine.replay`: the real agenda, sampler, ASHA and controller.

The demo's search settings as they come: TPE with ASHA of grace 2 and reduction 3. Set here: no baselines, which no
peer has; the seed; as many trials as the budget could begin; and `search.max_failed_share`, so that it never gives up
on failing trials, as no peer does. `ours-random` has random draws in place of TPE.

`ours-promotion` is the product with the scheduler `promotion` and the sampler `curves`, and with two more parts that
`ours` lacks here. It is told the soft balanced accuracy of the same images, by which the product decides where all
trials have one loss. And it chooses as the product ranks: of the finished trials the one with the best expected score
by all learning curves, less one standard deviation; before one has finished, of those that came to a rung, and before
one has come there, of those that got furthest.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from curves import Curves, Generator, Table
from peers.loop import Row, Setting
from peers.registry import CHECKPOINTS, OURS
from played import Played, play, spec_of
from regret import CHANCE, regrets

from search.algorithms.known_curves import KnownCurves
from search.algorithms.told import Told
from search.journal.history import Trial
from spaces.spec import load_spec

PROMOTION = OURS
SETTINGS = {
    "ours": ["search.sampler=tpe"],
    "ours-random": ["search.sampler=random"],
    PROMOTION: ["search.sampler=curves", "search.scheduler={name: promotion, grace: 4}"],
}


RUNGS = (5,)  # of trials of 15 + 1 epochs, with grace 4 and reduction 3


def search(name: str, curves: Curves, setting: Setting) -> list[Row]:
    """Run the product on the curves."""
    never_give_up = "search.max_failed_share=1"
    spec = spec_of(curves, setting.seed, setting.most_epochs, never_give_up, *SETTINGS[name])
    clocked = Clocked(told_by(name, curves))
    play(curves, spec, slots=setting.slots, most_epochs=setting.most_epochs, played=clocked)
    return clocked.rows


def told_by(name: str, curves: Curves) -> Curves:
    """The curves as a search is told them."""
    if name != PROMOTION:
        return curves
    assert isinstance(curves, Generator | Table), "other curves have no soft score"
    return curves.scored_by("soft")


def regrets_of(name: str, rows: Sequence[Row], curves: Curves) -> Iterator[float]:
    """As `regret.regrets`, by the search's own choice, which is made when a trial has finished and at CHECKPOINTS."""
    if name != PROMOTION:
        yield from regrets(rows, curves)
        return
    space = load_spec("demo").space
    known = KnownCurves(space, (*RUNGS, curves.epochs))
    told: dict[int, Told] = {}
    now = curves.best - CHANCE
    for spent, row in enumerate(rows, 1):
        before = told.get(row.number, Told(row.values, "running", None, number=row.number, place=row.number))
        if row.value is None:
            told[row.number] = replace(before, state="failed", by_epoch={})
        else:
            told[row.number] = replace(before, by_epoch={**before.by_epoch, row.epoch: row.value})
        if spent in CHECKPOINTS or row.epoch == curves.epochs or spent == len(rows):
            now = curves.best - chosen(known, [told[number] for number in sorted(told)], curves)
        yield now


def chosen(known: KnownCurves, told: Sequence[Told], curves: Curves) -> float:
    """The truth of what the product would rank first."""
    there = [trial for trial in told if trial.by_epoch]
    if not there:
        return CHANCE
    furthest = max(max(trial.by_epoch) for trial in there)
    least = next((epoch for epoch in (curves.epochs, *RUNGS) if epoch <= furthest), furthest)
    some = [trial for trial in there if max(trial.by_epoch) >= least]
    model = known.model([replace(trial, ended=False) for trial in told])
    if model is None:
        best = max(some, key=lambda trial: (max(trial.by_epoch), trial.by_epoch[max(trial.by_epoch)]))
        return curves.truth(best.values)
    mean, deviation = model.predict(known.places([trial.values for trial in some]))
    return curves.truth(some[int((mean - deviation).argmax())].values)


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
