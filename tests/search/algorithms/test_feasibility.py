"""How likely values are to make a trial fail."""

import pytest
from told_trials import SPACE, trial_of, values_of

from search.algorithms.feasibility import Feasibility
from search.algorithms.sampler import propose
from trainers.config import METRIC


def learnt(*trials):
    feasibility = Feasibility(SPACE)
    for trial in trials:
        feasibility.add(trial)
    return feasibility


def at(tau, number=0, *, by_values=None):
    trial = trial_of(number, values_of(number) | {"loss.temperature": tau})
    if by_values is not None:
        trial.state, trial.by_values = "failed", by_values
    return trial


FINE = [at(0.04 + n / 500, n) for n in range(20)]


def test_where_nothing_has_failed_nothing_is_likely_to():
    assert learnt(*FINE).chance_of_failing(values_of(0)) == 0.0


def test_a_crash_that_the_values_did_not_cause_teaches_nothing():
    crashed = [at(0.9, n, by_values=False) for n in range(5)]
    assert learnt(*FINE, *crashed).chance_of_failing(values_of(0)) == 0.0


def test_values_beside_failed_ones_are_likely_to_fail_and_those_beside_others_are_not():
    failed = [at(0.8 + n / 50, n, by_values=True) for n in range(5)]
    known = learnt(*FINE, *failed)
    assert known.chance_of_failing(values_of(2) | {"loss.temperature": 0.85}) > 0.8
    assert known.chance_of_failing(values_of(2) | {"loss.temperature": 0.06}) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", pytest.param("gp", marks=pytest.mark.slow)])
def test_a_sampler_seldom_proposes_what_is_likely_to_fail(sampler):
    """The optimum lies just below τ = .5, above which every trial fails."""
    taus = [0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.4, 0.45, 0.48, 0.55, 0.6, 0.7, 0.8, 0.9] * 2
    history = [at(tau, number, by_values=True if tau > 0.5 else None) for number, tau in enumerate(taus)]
    for trial in history:
        if trial.state == "finished":
            trial.score = trial.values["loss.temperature"]
    asked = 12 if sampler == "tpe" else 3
    proposed = [
        propose(SPACE, history, sampler=sampler, metric=METRIC, seed=seed, number=30)["loss.temperature"]
        for seed in range(asked)
    ]
    assert sum(tau > 0.5 for tau in proposed) <= asked // 4
