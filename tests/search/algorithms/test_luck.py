"""When the trials that are left are expected to gain less than luck moves a score."""

import math
import statistics

import numpy as np
import pytest

from search.algorithms.luck import LEAST, Luck, expected_gain, expected_maximum, luck_of
from search.algorithms.proposer import SearchAgenda, planned_in, planned_trials
from search.engine.controller import Conductor
from search.engine.replay import replay
from search.journal.history import History, Trial
from spaces.spec import load_spec
from trainers.errors import InputError

SPEC = [
    "search.trials=60",
    "search.sampler=random",
    "search.stop_when=luck",
    "representation.epochs=3",
    "search.final={top: 4, seeds: 3}",
]
TRAIN, VALIDATION = (70, 20, 10), (40, 40, 40)


class Level:
    """All configurations are worth the same, or a few are far better."""

    def __init__(self, spread):
        self._spread = spread

    def value(self, trial, epoch):
        draws = np.random.default_rng(trial.number)
        return 0.5 + self._spread * draws.exponential() + 0.002 * draws.standard_normal()

    def seconds(self, trial, epoch):
        return 1.0


def history_of(scores, baselines=0):
    """A search whose trials have finished with these scores; the first ones are baselines."""
    made = History()
    for number, score in enumerate(scores):
        made.trials[number] = Trial(number, "CL", number < baselines, {}, {}, 0, state="finished", score=score)
    return made


def test_the_expected_maximum_is_that_of_normal_draws():
    draws = np.random.default_rng(0).standard_normal((20_000, 16))
    for count in (2, 5, 16):
        assert expected_maximum(count) == pytest.approx(draws[:, :count].max(axis=1).mean(), abs=0.04)


def test_more_trials_gain_by_the_part_of_the_spread_that_is_no_luck():
    draws = np.random.default_rng(1)
    scores = (0.7 + 0.03 * draws.standard_normal(400)).tolist()
    spread = statistics.stdev(scores)
    all_worth = expected_gain(scores, 0.0, 400)
    assert all_worth == pytest.approx(spread * (expected_maximum(800) - expected_maximum(400)), rel=0.1)
    half_luck = expected_gain(scores, spread / math.sqrt(2), 400)
    assert 0.4 * all_worth < half_luck < 0.7 * all_worth
    assert expected_gain(scores, 2 * spread, 400) == 0
    assert expected_gain(scores, 0.0, 0) == 0


def test_few_scores_allow_a_larger_spread_than_they_show():
    few, many = [0.70, 0.72, 0.74, 0.76], [0.70, 0.72, 0.74, 0.76] * 10
    assert expected_gain(few, 0.02, 10) > 2 * expected_gain(many, 0.02, 10)


def test_no_search_has_enough_before_the_stated_number_of_its_own_trials():
    luck = Luck(TRAIN, VALIDATION, seeds=3)
    alike = [0.75 + 0.001 * (k % 3) for k in range(LEAST + 3)]
    assert luck.enough(history_of(alike[: LEAST - 1]), 100) is None
    assert luck.enough(history_of(alike, baselines=4), 100) is None
    found = luck.enough(history_of(alike, baselines=3), 100)
    assert found is not None
    assert found.gain < found.noise


def test_trials_far_apart_are_worth_going_on_for():
    assert Luck(TRAIN, VALIDATION, seeds=3).enough(history_of([0.5 + 0.015 * k for k in range(30)]), 100) is None


def test_a_last_step_of_more_seeds_tells_smaller_gains():
    alike = history_of([0.75 + 0.001 * (k % 3) for k in range(30)])
    one, nine = (Luck(TRAIN, VALIDATION, seeds).enough(alike, 100) for seeds in (1, 9))
    assert one is not None
    assert nine is not None
    assert nine.noise == pytest.approx(one.noise / 3)


def test_a_search_of_equal_configurations_ends_long_before_one_of_unequal_ones():
    spec = load_spec("digits", SPEC)
    luck = luck_of(spec, TRAIN, VALIDATION)
    alike = replay(spec, Level(0.0), luck=luck).history
    proposed = [trial for trial in alike.trials.values() if not trial.baseline]
    assert LEAST <= len(proposed) < 60
    assert alike.enough["left"] == planned_trials(spec) - len(alike.trials)
    assert planned_in(spec, alike) == len(alike.trials)
    apart = replay(spec, Level(0.15), luck=luck).history
    assert len(apart.trials) > len(alike.trials) + 20


def test_an_extension_runs_all_that_it_adds():
    spec = load_spec("digits", SPEC)
    luck, curves = luck_of(spec, TRAIN, VALIDATION), Level(0.0)
    events = []

    class Kept:
        def append(self, event):
            events.append(event)

        def close(self):
            pass

    history = replay(spec, curves, luck=luck).history
    begun = len(history.trials)
    conductor = Conductor(spec, history, Kept(), SearchAgenda(spec, 1), luck=luck)
    conductor.extend(5)
    conductor.open()
    while (trial := conductor.next_trial()) is not None:
        conductor.launched(trial.number)
        for epoch in range(1, spec.base.last_epoch + 1):
            if (
                conductor.result(
                    trial.number,
                    epoch,
                    dict.fromkeys((conductor.metric, conductor.deciding), curves.value(trial, epoch)),
                )
                == "stop"
            ):
                break
    assert history.enough is None
    assert len(history.trials) == planned_trials(spec, 5) > begun


def test_no_luck_is_sized_where_all_trials_are_to_run():
    assert luck_of(load_spec("digits", []), TRAIN, VALIDATION) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["search.sampler=grid"], "sampler: grid"),
        (["search.per_family=true", "search.baselines=[]"], "per_family: true"),
        (["search.metric=auroc"], "metric: auroc"),
    ],
)
def test_where_the_size_of_luck_is_not_known_it_is_refused(changes, words):
    with pytest.raises(InputError, match=f"stop_when: luck cannot be had with {words}"):
        load_spec("digits", ["search.stop_when=luck", *changes])
