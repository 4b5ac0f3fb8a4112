"""The product's own search on known curves."""

import numpy as np
import pytest
from curves import SPACE, CurveFailed, Field, Generator
from played import Told, play, spec_of
from regret import regrets

from search.engine.replay import Replay


class Few:
    """Three configurations, of which the second fails; what is proposed becomes the next of them."""

    space, epochs, best = SPACE, 4, 0.9

    def __init__(self):
        self.left = [0.03, 0.1, 0.3]

    def nearest(self, values):
        return {**values, "loss.temperature": self.left.pop(0)}

    def value(self, values, trial, epoch):
        if values["loss.temperature"] == 0.1 and epoch == 2:
            raise CurveFailed("nan")
        return self.truth(values) - 0.1 / epoch

    def seconds(self, values, epoch):
        return 1.0

    def truth(self, values):
        return {0.03: 0.6, 0.1: 0.5, 0.3: 0.8}[values["loss.temperature"]]


def test_a_search_runs_what_is_nearest_and_is_told_of_failures():
    curves = Few()
    more = ["search.sampler=random", "search.scheduler={name: none}", "search.max_failed_share=1"]
    made, played = play(curves, spec_of(curves, 0, 3, *more))
    assert isinstance(made, Replay)
    assert [trial.state for trial in made.history.trials.values()] == ["finished", "failed", "finished"]
    assert [(one.trial, one.epoch) for one in played.told] == [
        *((0, epoch) for epoch in range(1, 5)), (1, 1), (1, 2), *((2, epoch) for epoch in range(1, 5)),
    ]  # fmt: skip
    assert played.told[5].value is None
    assert played.truth(made.history.ranked()[0]) == 0.8
    assert list(regrets(played.told, curves)) == pytest.approx([0.3] * 9 + [0.1])


def test_before_any_trial_has_finished_the_furthest_counts():
    curves = Few()
    a, b = {"loss.temperature": 0.3}, {"loss.temperature": 0.03}
    told = [Told(0, 1, 0.9, a), Told(1, 1, 0.8, b), Told(1, 2, 0.1, b), Told(0, 2, None, a)]
    assert list(regrets(told, curves)) == pytest.approx([0.1, 0.1, 0.3, 0.3])


def test_no_epoch_begins_after_the_budget_and_slots_share_it():
    curves = Generator(0, "900:100")
    made, played = play(curves, spec_of(curves, 0, 50, "search.sampler=random"), slots=4, most_epochs=60)
    assert made.epochs == len(played.told) == 60
    assert played.told[0].trial != played.told[1].trial


@pytest.mark.slow
def test_a_search_with_tpe_beats_random_draws_on_a_simple_surface():
    """It is the real sampler that proposes."""

    class Bowl(Few):
        def nearest(self, values):
            return values

        def truth(self, values):
            units = [Field.to_unit(SPACE[path], values[path]) for path in ("loss.temperature", "representation.lr")]
            return 0.9 - float(np.square(np.array(units) - 0.5).sum())

    found = {}
    for sampler in ("tpe", "random"):
        curves = Bowl()
        _, played = play(curves, spec_of(curves, 0, 60, f"search.sampler={sampler}"))
        found[sampler] = list(regrets(played.told, curves))[-1]
    assert found["tpe"] < found["random"]
