"""Proposals by the model of all learning curves. See search.algorithms.curves."""

import pytest
from told_trials import SPACE, propose, trial_of, values_of

from search.algorithms.random_search import propose as drawn
from search.algorithms.samplers import refuse_outside, seed_of_ask
from search.algorithms.startup import CURVES_DRAWS
from spaces.conditions import active

LADDER = (0.03, 0.05, 0.08, 0.1, 0.12, 0.2, 0.3, 0.5, 0.7, 0.9)


def history_of(count: int = 30, state: str = "stopped") -> list:
    """Trials whose score is best at a temperature of .1."""
    return [
        trial_of(number, values_of(number) | {"loss.temperature": tau}, state=state, score=0.8 - abs(tau - 0.1) / 5)
        for number, tau in zip(range(count), LADDER * 3, strict=False)
    ]


def test_the_first_trials_are_random():
    history = history_of(CURVES_DRAWS - 1)
    proposed = propose("curves", SPACE, history, number=CURVES_DRAWS - 1)
    assert proposed == drawn(SPACE, (), seed=seed_of_ask(0, CURVES_DRAWS - 1))


@pytest.mark.slow
@pytest.mark.parametrize("state", ["stopped", "paused", "running"])
def test_it_learns_from_trials_that_have_not_finished(state):
    history = history_of(state=state)
    proposed = [propose("curves", SPACE, history, seed=seed, number=30) for seed in range(5)]
    for values in proposed:
        refuse_outside(SPACE, values, "here")
        assert values.keys() == active(SPACE, values).keys()
    assert sum(values.get("loss.temperature", 1) < 0.25 for values in proposed) >= 4


@pytest.mark.slow
def test_it_keeps_away_from_values_that_fail():
    history = history_of(20)
    for number in range(20, 30):
        failed = trial_of(number, values_of(number) | {"loss.temperature": 0.1}, state="failed", epochs=0)
        failed.by_values = True
        history.append(failed)
    proposed = [propose("curves", SPACE, history, seed=seed, number=30) for seed in range(5)]
    assert all(abs(values.get("loss.temperature", 1) - 0.1) > 0.005 for values in proposed)


def test_one_seed_proposes_the_same_again():
    history = history_of(14)
    one, again = (propose("curves", SPACE, history, seed=4, number=14) for _ in range(2))
    assert one == again
