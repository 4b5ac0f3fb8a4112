"""Searches on known curves, without Ray."""

import pytest
from told_trials import told_value

from search.algorithms.asha import rung_epochs
from search.engine.controller import Conductor
from search.engine.replay import CurveFailed, replay
from search.journal.history import ENDED, History
from spaces.spec import load_spec

SPEC = [
    "search.trials=30",
    "search.max_concurrent=1",
    "representation.epochs=9",
    "classifier.solver=adamw",
    "classifier.epochs=1",
]


class Rising:
    """Better near τ = .1, and rising by epoch; above τ = .8 a trial fails."""

    def value(self, trial, epoch):
        if trial.values["loss.temperature"] > 0.8:
            raise CurveFailed("the loss is nan")
        return 0.9 - abs(trial.values["loss.temperature"] - 0.1) - 0.3 / epoch

    def seconds(self, trial, epoch):
        return 1.0 + trial.number % 3


@pytest.fixture(scope="module")
def spec():
    return load_spec("digits", SPEC)


@pytest.mark.slow
def test_every_trial_ends_and_stopped_ones_end_at_a_rung(spec):
    made = replay(spec, Rising())
    assert len(made.history.trials) == len(made.history.in_state(*ENDED)) == 33
    assert made.history.closed["reason"] == "done"
    rungs = rung_epochs(spec)
    assert {trial.epoch for trial in made.history.in_state("stopped")} <= set(rungs)
    assert made.epochs == sum(len(trial.epochs) for trial in made.history.trials.values()) + len(
        made.history.in_state("failed")
    )


@pytest.mark.slow
def test_the_clock_is_the_sum_of_the_epochs_in_one_slot_and_less_in_several(spec):
    one, four = replay(spec, Rising(), slots=1), replay(spec, Rising(), slots=4)
    curves = Rising()
    spent = sum(curves.seconds(trial, epoch) for trial in one.history.trials.values() for epoch in trial.epochs)
    failed = sum(curves.seconds(trial, 1) for trial in one.history.in_state("failed"))
    assert one.seconds == pytest.approx(spent + failed)
    assert four.seconds < one.seconds / 2


def test_it_decides_what_the_controller_decides_when_it_is_told_the_same(spec):
    made, curves = replay(spec, Rising()), Rising()
    again = History()

    class Nowhere:
        def append(self, event):
            pass

        def close(self):
            pass

    from search.algorithms.proposer import SearchAgenda

    conductor = Conductor(spec, again, Nowhere(), SearchAgenda(spec, 1))
    conductor.open()
    while (trial := conductor.next_trial()) is not None:
        conductor.launched(trial.number)
        for epoch in range(1, spec.base.last_epoch + 1):
            try:
                value = curves.value(trial, epoch)
            except CurveFailed as error:
                conductor.fail(trial.number, str(error), by_values=True)
                break
            if conductor.result(trial.number, epoch, told_value(conductor, value)) == "stop":
                break
    for trial in made.history.trials.values():
        assert again.trials[trial.number].values == trial.values
        assert again.trials[trial.number].decisions == trial.decisions


def test_a_budget_of_epochs_is_not_passed(spec):
    assert replay(spec, Rising(), slots=4, most_epochs=40).epochs == 40


@pytest.mark.slow
def test_each_ended_trial_is_told_with_what_was_spent_by_then(spec):
    told = []
    made = replay(spec, Rising(), on_trial_end=lambda trial, so_far: told.append((trial.number, so_far.epochs)))
    assert sorted(number for number, _ in told) == list(range(33))
    assert [epochs for _, epochs in told] == sorted(epochs for _, epochs in told)
    assert told[-1][1] == made.epochs


@pytest.mark.slow
def test_the_search_finds_where_the_curves_are_best(spec):
    best = replay(spec, Rising()).history.ranked()[0]
    assert abs(best.values["loss.temperature"] - 0.1) < 0.05
