"""What the model of learning curves is shown of many trials, and that it depends on the trials alone."""

from dataclasses import replace

import numpy as np
import pytest

from search.algorithms import known_curves as module
from search.algorithms.known_curves import FEWEST, KnownCurves, knots_of, known_curves
from search.algorithms.startup import CURVES_DRAWS as FIRST_TRIALS
from search.algorithms.told import Told
from spaces.ranges import Uniform

SPACE = {"loss.temperature": Uniform(0.0, 1.0)}
EPOCHS = (6, 16)


def told(count: int, *, finished=frozenset(), failed=frozenset(), going_on=frozenset()) -> list[Told]:
    rng = np.random.default_rng(1)
    found = []
    for place in range(count):
        x = float(rng.random())
        last = 16 if place in finished else 6
        curve = {epoch: 0.7 - (x - 0.5) ** 2 - 0.1 / epoch for epoch in range(1, last + 1)}
        state = "failed" if place in failed else "finished" if place in finished else "stopped"
        state = "running" if place in going_on else state
        by_epoch = {} if state == "failed" else curve
        found.append(
            Told({"loss.temperature": x}, state, None, by_epoch, place, place=place, ended=place not in going_on)
        )
    return found


def shown_of(known: KnownCurves):
    return known._model._shown


def test_there_is_no_model_of_few_trials_nor_of_failed_ones():
    assert KnownCurves(SPACE, EPOCHS).model(told(FEWEST - 1)) is None
    assert KnownCurves(SPACE, EPOCHS).model(told(FEWEST, failed={0})) is None
    assert KnownCurves(SPACE, EPOCHS).model(told(FEWEST)) is not None


def test_a_trial_is_shown_at_the_knots_and_as_it_is_now():
    known = KnownCurves(SPACE, EPOCHS)
    trials = told(FEWEST, finished={0})
    newest = Told({"loss.temperature": 0.3}, "running", None, {1: 0.5, 2: 0.6, 3: 0.61}, 6, place=6, ended=False)
    known.model([*trials, newest])
    shown = shown_of(known)
    assert shown.epochs[shown.trials == 0].tolist() == [2, 6, 16]
    assert shown.epochs[shown.trials == 6].tolist() == [2, 3]


def test_the_model_is_made_anew_when_something_was_reported_and_not_before():
    known, trials = KnownCurves(SPACE, EPOCHS), told(FEWEST + 1)
    first = known.model(trials[:-1])
    assert known.model(trials[:-1]) is first
    assert known.model(trials) is not first


def test_asked_one_by_one_or_at_once_the_model_is_the_same(monkeypatch):
    """So a resumed search, whose memory is empty, goes on as it would have."""
    monkeypatch.setattr(module, "BEST", 8)
    monkeypatch.setattr(module, "OTHERS", 4)
    monkeypatch.setattr(module, "FITTED", 20)
    trials = told(60, finished=set(range(0, 60, 7)), failed={3, 8}, going_on={58, 59})
    slowly, at_once = KnownCurves(SPACE, EPOCHS), KnownCurves(SPACE, EPOCHS)
    for count in range(1, 59):
        slowly.model(trials[:count])
    one, other = slowly.model(trials), at_once.model(trials)
    assert one.theta.tolist() == other.theta.tolist()
    assert one.predict(np.array([[0.4]]))[0] == other.predict(np.array([[0.4]]))[0]


def test_of_many_trials_the_best_and_a_sample_of_the_others_are_shown(monkeypatch):
    monkeypatch.setattr(module, "BEST", 8)
    monkeypatch.setattr(module, "OTHERS", 4)
    known, trials = KnownCurves(SPACE, EPOCHS), told(60, finished={5, 50}, going_on={59})
    known.model(trials)
    there = set(shown_of(known).trials.tolist())
    assert len(there) == 8 + 4 + 1
    assert {5, 50, 59} <= there


def test_hyper_parameters_are_fitted_to_a_part_of_many_values(monkeypatch):
    fitted = []
    made = module.CurveModel

    def noted(shown, knots, theta=None, **more):
        if theta is None:
            fitted.append(len(shown.scores))
        return made(shown, knots, theta, **more)

    monkeypatch.setattr(module, "CurveModel", noted)
    monkeypatch.setattr(module, "FITTED", 20)
    KnownCurves(SPACE, EPOCHS).model(told(40))
    assert fitted == [20]


def test_a_memory_keeps_them():
    memory = {}
    assert known_curves(SPACE, memory, EPOCHS) is known_curves(SPACE, memory, EPOCHS)
    assert known_curves(SPACE, None, EPOCHS) is not known_curves(SPACE, None, EPOCHS)


def test_the_knots_are_the_rungs_the_end_and_an_earlier_epoch():
    assert knots_of((6, 16)) == (2, 6, 16)
    assert knots_of((1, 3, 9)) == (1, 3, 9)
    assert knots_of((5,)) == (2, 5)


def narrow(by_epoch: dict[int, float]) -> dict[int, float]:
    return {epoch: 1 - (1 - value) / 100 for epoch, value in by_epoch.items()}


@pytest.mark.parametrize("crash", ["by its values", "by another cause"])
def test_whatever_happened_on_the_way_the_model_is_that_of_the_trials_as_they_are(crash):
    """Each model of a search that goes on is that of a search resumed at that moment, whose memory is empty."""
    first = [replace(one, by_epoch=narrow(one.by_epoch)) for one in told(FIRST_TRIALS + 6)]
    paused = [replace(one, state="paused", ended=False) for one in first]
    promoted = replace(paused[3], state="running", by_epoch={**paused[3].by_epoch, 7: 0.9971})
    at_end = replace(promoted, state="finished", ended=True, by_epoch={**promoted.by_epoch, 16: 0.9975})
    crashed = [replace(paused[5], state="failed", by_epoch={}, ended=True)] if crash == "by its values" else []
    later = replace(first[-1], place=FIRST_TRIALS + 6)
    steps = [
        paused[:9],
        paused[:-1],
        [*paused[:3], promoted, *paused[4:]],
        [*paused[:3], promoted, paused[4], *crashed, *paused[6:]],  # a trial that came to the rung has crashed
        [*paused[:3], at_end, paused[4], *crashed, *paused[6:], later],
        [first[0], *paused[1:3], at_end, first[4], *crashed, *paused[6:], later],
    ]
    goes_on = KnownCurves(SPACE, EPOCHS)
    for step in steps:
        one, other = goes_on.model(step), KnownCurves(SPACE, EPOCHS).model(step)
        assert one._unit == other._unit
        assert one.theta.tolist() == other.theta.tolist()
        for mine, resumed in zip(one.predict(np.array([[0.4]])), other.predict(np.array([[0.4]])), strict=True):
            assert mine.tolist() == resumed.tolist()
    assert one._unit < 0.004, "the unit followed the scores"


def test_scores_that_differ_by_much_less_have_the_same_model_in_a_smaller_unit():
    """As with an AUROC near 1."""
    trials = told(FIRST_TRIALS, finished={0, 3})
    place = np.array([[0.4]])

    def predicted(share: float) -> tuple[float, float]:
        curves = [{epoch: 1 - share * (1 - value) for epoch, value in one.by_epoch.items()} for one in trials]
        smaller = [replace(one, by_epoch=curve) for one, curve in zip(trials, curves, strict=True)]
        mean, deviation = KnownCurves(SPACE, EPOCHS).model(smaller).predict(place)
        return (1 - mean[0]) / share, deviation[0] / share

    assert predicted(1e-2) == pytest.approx(predicted(1e-3), rel=1e-3)
