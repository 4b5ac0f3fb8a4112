"""How a trial looks to Optuna."""

import json

import optuna
import pytest
from optuna.trial import TrialState
from told_trials import SPACE, trial_of, values_of

from search.algorithms.optuna_trials import as_optuna_trial
from search.journal.history import Decision
from trainers.config import METRIC


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("finished", TrialState.COMPLETE),
        ("stopped", TrialState.PRUNED),
        ("failed", TrialState.FAIL),  # a crash that its values did not cause
        ("running", TrialState.RUNNING),
        ("pending", TrialState.RUNNING),
    ],
)
def test_the_sampler_is_told_the_truth(state, told):
    seen = as_optuna_trial(SPACE, trial_of(0, state=state), METRIC)
    assert seen.state == told
    assert seen.value == (0.7 if state == "finished" else None)
    assert list(seen.intermediate_values) == [1, 2, 3]


def test_an_exempt_trial_is_pruned_where_asha_would_have_stopped_it():
    trial = trial_of(0, baseline=True)
    trial.decisions.append(Decision(0, 2, 1, 0.6, 0.65, 4, "spare"))
    seen = as_optuna_trial(SPACE, trial, METRIC)
    assert seen.state == TrialState.PRUNED
    assert list(seen.intermediate_values) == [1, 2]


def test_a_zero_is_a_condition_for_tpe_and_a_share_of_one_coordinate_for_gp():
    conditional = as_optuna_trial(SPACE, trial_of(0), METRIC)
    assert conditional.params["loss.eta is zero"] is True
    assert "loss.eta" not in conditional.params
    fixed = as_optuna_trial(SPACE, trial_of(0), METRIC, one_coordinate=True)
    assert fixed.params["loss.eta"] < 0.25
    assert set(fixed.params) == set(SPACE)


def test_a_trial_outside_the_space_is_not_told():
    outside = trial_of(0).values | {"loss.temperature": 5.0}
    assert as_optuna_trial(SPACE, trial_of(0, outside), METRIC) is None


def test_a_stopped_trial_with_a_high_value_does_not_rank_below_a_bad_finished_baseline_that_was_spared():
    baseline = trial_of(0, score=0.52, baseline=True)
    baseline.decisions.append(Decision(0, 1, 0, 0.5, 0.6, 3, "spare"))
    stopped = trial_of(1, score=0.78, state="stopped")
    states = {as_optuna_trial(SPACE, trial, METRIC).state for trial in (baseline, stopped)}
    assert states == {TrialState.PRUNED}


def test_optuna_can_read_the_told_trials():
    study = optuna.create_study(direction="maximize")
    study.add_trials([as_optuna_trial(SPACE, trial_of(n, values_of(n), score=n / 10), METRIC) for n in range(5)])
    assert study.best_value == 0.4


def test_a_trial_that_its_values_made_fail_is_pruned_at_its_first_epoch_below_every_other():
    failed = trial_of(0, state="failed", score=0.9, epochs=2)
    failed.by_values = True
    seen = as_optuna_trial(SPACE, failed, METRIC)
    assert seen.state == TrialState.PRUNED
    assert list(seen.intermediate_values) == [1]
    worst = as_optuna_trial(SPACE, trial_of(1, state="stopped", score=0.0, epochs=1), METRIC)
    assert seen.intermediate_values[1] < worst.intermediate_values[1]
    json.dumps(seen.intermediate_values, allow_nan=False)  # as optuna-dashboard's file has it


def test_a_crash_that_the_values_did_not_cause_is_no_word_about_them():
    assert as_optuna_trial(SPACE, trial_of(0, state="failed"), METRIC).state == TrialState.FAIL


def test_a_guess_that_set_more_than_what_is_searched_is_not_told():
    guess = trial_of(0, values_of(0) | {"model.width": 16})
    assert as_optuna_trial(SPACE, guess, METRIC) is None
