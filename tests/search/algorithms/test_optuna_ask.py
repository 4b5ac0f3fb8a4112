"""Values that Optuna's samplers are asked for. See search.algorithms.optuna_ask."""

import pytest
from told_trials import SPACE, at, propose, trial_of, values_of


@pytest.mark.slow
def test_every_zero_of_the_family_is_proposed_by_every_sampler():
    for sampler in ("tpe", "gp", "random"):
        history = [trial_of(number, values_of(number)) for number in range(4)]
        proposed = [propose(sampler, SPACE, history, seed=seed, number=4) for seed in range(80)]
        corners = {(values["loss.eta"] > 0, values["loss.gamma"] > 0) for values in proposed}
        assert len(corners) == 4, sampler


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
    proposed = [propose(sampler, SPACE, history, seed=seed, number=30)["loss.temperature"] for seed in range(asked)]
    assert sum(tau > 0.5 for tau in proposed) <= asked // 4
