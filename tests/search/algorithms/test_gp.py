"""Optuna's Gaussian process, and the scores that stopped trials are completed with. See search.algorithms.gp."""

from dataclasses import replace

import optuna
import pytest
from told_trials import SPACE, propose, trial_of, values_of

from search.algorithms.gp import as_full_length
from search.algorithms.optuna_trials import as_optuna_trial
from trainers.config import METRIC


@pytest.mark.slow
def test_a_gaussian_process_learns_from_stopped_trials():
    """Optuna's GP counts complete trials alone: under ASHA, which stops most, it would draw at random for ever."""
    history = [
        trial_of(number, values_of(number) | {"loss.temperature": tau}, state="stopped", score=1 - abs(tau - 0.1))
        for number, tau in enumerate([0.03, 0.05, 0.08, 0.1, 0.12, 0.2, 0.3, 0.5, 0.7, 0.9] * 3)
    ]
    proposed = [propose("gp", SPACE, history, seed=seed, number=30)["loss.temperature"] for seed in range(5)]
    assert sum(tau < 0.25 for tau in proposed) >= 4


def test_a_stopped_trials_full_length_score_is_its_value_and_what_others_gained_from_there():
    finished = [trial_of(n, values_of(n), score=0.6 + n / 10, epochs=3) for n in range(3)]  # each gains .2 from epoch 1
    stopped = trial_of(3, values_of(3), state="stopped", score=0.5, epochs=1)
    failed = trial_of(4, values_of(4), state="failed", epochs=0)
    failed.by_values = True
    told = as_full_length([as_optuna_trial(SPACE, trial, METRIC) for trial in (*finished, stopped, failed)])
    assert [trial.value for trial in told] == pytest.approx([0.6, 0.7, 0.8, 0.7, 0.6])
    assert {trial.state for trial in told} == {optuna.trial.TrialState.COMPLETE}


def test_where_nothing_but_failures_is_known_no_score_is_invented():
    failed = trial_of(0, state="failed", epochs=0)
    failed.by_values = True
    assert as_full_length([as_optuna_trial(SPACE, failed, METRIC)]) == []


def test_a_stopped_trial_is_taken_to_gain_what_its_kind_gains():
    """A head that is trained end to end begins far below a probe, and gains more."""
    heads = [replace(trial_of(n, score=0.8), family="CE") for n in (0, 1)]
    for head in heads:
        head.epochs = {1: {METRIC: 0.4}, 2: {METRIC: 0.6}, 3: {METRIC: 0.8}}
    probe = trial_of(2, score=0.8)
    probe.epochs = {1: {METRIC: 0.76}, 2: {METRIC: 0.78}, 3: {METRIC: 0.8}}
    stopped = [replace(trial_of(n, state="stopped", epochs=1), family=of) for n, of in ((3, "CE"), (4, "AFCL"))]
    stopped[0].epochs, stopped[1].epochs = {1: {METRIC: 0.3}}, {1: {METRIC: 0.7}}
    told = as_full_length([as_optuna_trial(SPACE, trial, METRIC) for trial in (*heads, probe, *stopped)])
    assert [trial.value for trial in told[-2:]] == pytest.approx([0.7, 0.74])
