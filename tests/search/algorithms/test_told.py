"""What samplers see of earlier trials, and that each is converted once. See search.algorithms.told."""

import pytest
from told_trials import SPACE, trial_of, values_of

from search.algorithms import told
from search.algorithms.told import ToldTrials, told_of
from search.journal.history import Decision
from spaces.ranges import LogUniform, Uniform
from trainers.config import METRIC

NUMBERS = {"loss.eta": Uniform(0.5, 9), "loss.temperature": LogUniform(0.03, 1)}


def test_trials_are_told_as_what_they_showed():
    finished = told_of(SPACE, trial_of(3), METRIC)
    assert (finished.number, finished.state, finished.value) == (3, "finished", 0.7)
    assert finished.by_epoch == pytest.approx({1: 0.5, 2: 0.6, 3: 0.7})
    stopped = told_of(SPACE, trial_of(4, state="stopped"), METRIC)
    assert (stopped.state, stopped.value) == ("stopped", 0.7)
    exempt = trial_of(5)
    exempt.decisions.append(Decision(5, 2, 0, 0.6, 0.65, 3, "spare"))
    assert told_of(SPACE, exempt, METRIC).by_epoch == pytest.approx({1: 0.5, 2: 0.6})
    assert told_of(SPACE, exempt, METRIC).state == "stopped"
    crashed, diverged = trial_of(6, state="failed"), trial_of(7, state="failed")
    diverged.by_values = True
    assert told_of(SPACE, crashed, METRIC) is None
    assert told_of(SPACE, diverged, METRIC).value is None
    assert told_of(NUMBERS, trial_of(8), METRIC) is None, "its values are not those of this space"


def test_an_exempt_trial_may_go_on_after_it_is_told_as_stopped():
    exempt = trial_of(5, state="running")
    exempt.decisions.append(Decision(5, 2, 0, 0.6, 0.65, 3, "spare"))
    known = ToldTrials(SPACE, METRIC)
    assert [(one.state, one.ended) for one in known.of([exempt])] == [("stopped", False)]
    exempt.state, exempt.by_values = "failed", True
    assert [(one.state, one.ended) for one in known.of([exempt])] == [("failed", True)]


@pytest.fixture
def converted(monkeypatch):
    numbers = []

    def counting(space, trial, *more, genuine=told.told_of, **named):
        numbers.append(trial.number)
        return genuine(space, trial, *more, **named)

    monkeypatch.setattr(told, "told_of", counting)
    return numbers


def test_each_ended_trial_is_converted_once(converted):
    known, history = ToldTrials(SPACE, METRIC), [trial_of(n, values_of(n % 36)) for n in range(50)]
    for count in range(51):
        assert [one.place for one in known.of(history[:count])] == list(range(count))
    assert converted == list(range(50))


def test_one_that_has_ended_before_an_earlier_one_is_converted_once_too(converted):
    known, history = ToldTrials(SPACE, METRIC), [trial_of(n, values_of(n), state="running") for n in range(4)]
    for number in (3, 1, 0, 2):
        history[number].state = "stopped"
        assert [one.number for one in known.of(history)] == [0, 1, 2, 3]
    assert [converted.count(number) for number in (3, 1, 0, 2)] == [1, 2, 3, 4]


def test_one_that_waits_is_converted_again_only_when_it_has_gone_on(converted):
    waits, runs = trial_of(0, values_of(0), state="paused"), trial_of(1, values_of(1), state="running")
    known = ToldTrials(SPACE, METRIC)
    for _ in range(3):
        assert [one.state for one in known.of([waits, runs])] == ["paused", "running"]
        assert [one.number for one in known.going_on()] == [0, 1]
    assert converted == [0, 1, 1, 1]
    waits.state = "pending"  # it was promoted
    assert known.of([waits, runs])[0].state == "running"
    waits.state, waits.epochs[4] = "paused", {METRIC: 0.8}  # at the next rung
    assert known.of([waits, runs])[0].value == 0.8
    waits.state = "stopped"
    assert [one.state for one in known.of([waits, runs])] == ["stopped", "running"]
    assert [one.number for one in known.going_on()] == [1]


def test_places_do_not_move_where_a_trial_is_left_out():
    outside, crashed = trial_of(0, values_of(0) | {"model.width": 16}), trial_of(1, state="failed")
    known = ToldTrials(SPACE, METRIC)
    for _ in range(2):
        assert [(one.place, one.number) for one in known.of([outside, crashed, trial_of(2)])] == [(2, 2)]


def test_values_that_define_a_family_are_not_told():
    space = {path: range_ for path, range_ in SPACE.items() if path != "loss.eta"}
    (one,) = ToldTrials(space, METRIC, {"loss.eta": 0.0}).of([trial_of(0)])
    assert one.values.keys() == space.keys()


@pytest.mark.parametrize("outside", [{"loss.temperature": 5.0}, {"model.width": 16}])
def test_what_lies_outside_the_space_is_left_out(outside):
    history = [trial_of(0, values_of(0) | outside), trial_of(1)]
    assert [one.number for one in ToldTrials(SPACE, METRIC).of(history)] == [1]
