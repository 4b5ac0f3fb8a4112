"""TPE. See search.algorithms.tpe."""

import optuna
import pytest
from told_trials import SPACE, propose, trial_of, values_of

from search.algorithms.optuna_trials import as_optuna_trial, suggest
from search.algorithms.samplers import seed_of_ask
from search.algorithms.tpe import new_sampler
from trainers.config import METRIC


@pytest.mark.slow
def test_tpe_learns_where_the_good_trials_are():
    history = [
        trial_of(number, values_of(number) | {"loss.temperature": tau}, score=1 - abs(tau - 0.1))
        for number, tau in enumerate([0.03, 0.05, 0.08, 0.1, 0.12, 0.2, 0.3, 0.5, 0.7, 0.9] * 3)
    ]
    proposed = [propose("tpe", SPACE, history, seed=seed, number=30)["loss.temperature"] for seed in range(20)]
    assert sum(tau < 0.25 for tau in proposed) >= 14


@pytest.mark.parametrize("count", [3, 8, 40, 200])
def test_a_study_of_told_trials_is_asked_like_one_to_which_they_were_added(count):
    """The way of Optuna's documentation copies every trial at every ask; what is proposed is the same."""
    states = ["finished", "stopped", "stopped", "failed", "running"]
    history = [
        trial_of(n, values_of(n % 36), states[n % 5], score=(n * 7919 % 101) / 101, epochs=1 + n % 3)
        for n in range(count)
    ]
    study = optuna.create_study(direction="maximize", sampler=new_sampler(1, seed_of_ask(1, count)))
    study.add_trials([as_optuna_trial(SPACE, trial, METRIC) for trial in history])
    asked = study.ask()
    expected = {path: suggest(asked, path, range_, False) for path, range_ in SPACE.items()}
    assert propose("tpe", SPACE, history, seed=1, number=count) == expected
