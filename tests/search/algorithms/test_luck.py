"""When the trials that are left are expected to gain less than luck moves a score."""

import statistics

import numpy as np
import pytest

from search.algorithms.luck import FEWEST_ENDED, Luck, expected_gain, expected_maximum, luck_of
from search.algorithms.proposer import SearchAgenda, planned_by_now, planned_trials
from search.engine.controller import Conductor
from search.engine.replay import replay
from search.journal.history import ENDED, History, Trial
from spaces.spec import load_spec
from trainers.data.score_noise import images_error
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


def test_more_trials_gain_as_the_largest_of_more_draws_does():
    draws = np.random.default_rng(1)
    scores = (0.7 + 0.03 * draws.standard_normal(400)).tolist()
    more = expected_maximum(800) - expected_maximum(400)
    assert expected_gain(scores, 400) == pytest.approx(statistics.stdev(scores) * more, rel=0.1)
    assert expected_gain(scores, 0) == 0


def test_few_scores_allow_a_larger_spread_than_they_show():
    few, many = [0.70, 0.72, 0.74, 0.76], [0.70, 0.72, 0.74, 0.76] * 10
    assert expected_gain(few, len(few)) > 2 * expected_gain(many, len(many))


def test_no_search_has_enough_before_the_stated_number_of_its_own_trials():
    luck = Luck(TRAIN, VALIDATION, seeds=3)
    alike = [0.75 + 0.001 * (k % 3) for k in range(FEWEST_ENDED + 3)]
    assert luck.verdict(history_of(alike[: FEWEST_ENDED - 1]), 100) is None
    assert luck.verdict(history_of(alike, baselines=4), 100) is None
    found = luck.verdict(history_of(alike, baselines=3), 100)
    assert found is not None
    assert found.gain < found.noise


def test_trials_far_apart_are_worth_going_on_for():
    assert Luck(TRAIN, VALIDATION, seeds=3).verdict(history_of([0.5 + 0.015 * k for k in range(30)]), 100) is None


def test_a_last_step_of_more_seeds_tells_smaller_gains():
    alike = history_of([0.75 + 0.001 * (k % 3) for k in range(30)])
    one, nine = (Luck(TRAIN, VALIDATION, seeds) for seeds in (1, 9))
    assert one.verdict(alike, 100) is not None
    assert nine.error_of(0.8) == pytest.approx(one.error_of(0.8) / 3)
    assert (
        images_error(VALIDATION, 0.8) < Luck(TRAIN, VALIDATION, 9, same_images=True).error_of(0.8) < one.error_of(0.8)
    )


def test_a_search_of_equal_configurations_ends_long_before_one_of_unequal_ones():
    spec = load_spec("digits", SPEC)
    luck = luck_of(spec, TRAIN, VALIDATION, same_images=False)
    alike = replay(spec, Level(0.0), luck=luck).history
    proposed = [trial for trial in alike.trials.values() if not trial.baseline]
    assert FEWEST_ENDED <= len(proposed) < 60
    assert alike.enough["left"] == planned_trials(spec) - len(alike.trials)
    assert planned_by_now(spec, alike) == len(alike.trials)
    apart = replay(spec, Level(0.15), luck=luck).history
    assert len(apart.trials) > len(alike.trials) + 20


def test_with_several_slots_what_runs_comes_to_its_end():
    spec = load_spec("digits", SPEC)
    history = replay(spec, Level(0.0), slots=4, luck=luck_of(spec, TRAIN, VALIDATION, same_images=False)).history
    assert history.enough is not None
    assert len(history.in_state(*ENDED)) == len(history.trials) == history.enough["trials"]


class Kept:
    """A journal in memory."""

    def __init__(self):
        self.events = []

    def append(self, event):
        self.events.append(event)

    def close(self):
        pass


def conducted(history, extend_by=0, until=None):
    """Go on with a search of equal configurations in one slot; the driver dies after `until` events."""
    spec, curves, journal = load_spec("digits", SPEC), Level(0.0), Kept()
    luck = luck_of(spec, TRAIN, VALIDATION, same_images=False)
    conductor = Conductor(spec, history, journal, SearchAgenda(spec, 1), luck=luck)
    if extend_by:
        conductor.extend(extend_by)
    conductor.open()
    while (trial := conductor.next_trial()) is not None:
        conductor.launched(trial.number)
        for epoch in range(1, spec.base.last_epoch + 1):
            value = curves.value(trial, epoch)
            if conductor.result(trial.number, epoch, {conductor.metric: value, conductor.deciding: value}) == "stop":
                break
        if until is not None and len(journal.events) >= until:
            return journal.events
    return journal.events


def test_an_extension_runs_what_it_adds_and_nothing_of_the_rest():
    history = History()
    conducted(history)
    begun = len(history.trials)
    conducted(history, extend_by=5)
    assert len(history.trials) == begun + 5 < planned_trials(load_spec("digits", SPEC))


def test_a_search_that_was_extended_before_may_still_end_early():
    history = History()
    conducted(history, until=20)
    conducted(history, extend_by=3)
    assert history.enough is not None
    assert len(history.trials) < planned_trials(load_spec("digits", SPEC))


def test_a_killed_search_ends_where_an_undisturbed_one_does():
    whole = History()
    written = conducted(whole)
    place = next(number for number, event in enumerate(written) if event["event"] == "enough")
    for lines in (10, place - 1, place, place + 1):
        history = History()
        for event in written[:lines]:
            history.apply(event)
        conducted(history)
        assert history.enough["trials"] == whole.enough["trials"]
        assert [trial.values for trial in history.trials.values()] == [trial.values for trial in whole.trials.values()]


def test_no_luck_is_sized_where_all_trials_are_to_run():
    assert luck_of(load_spec("digits", []), TRAIN, VALIDATION, same_images=False) is None


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
