import optuna
import pytest
from optuna.trial import TrialState

from search.algorithms.grid import grid_point, grid_size
from search.algorithms.sampler import as_optuna_trial, propose
from search.journal.history import Decision, Trial
from spaces.ranges import Choice, IntUniform, LogUniform, Uniform, ZeroOr
from trainers.config import METRIC

SPACE = {
    "loss.eta": ZeroOr(LogUniform(1, 300)),
    "loss.gamma": ZeroOr(Uniform(0.5, 10)),
    "loss.temperature": LogUniform(0.03, 1),
    "representation.batch_size": IntUniform(32, 256),
    "representation.optimizer": Choice(("adamw", "sgd")),
}


def trial_of(number, values=None, state="finished", score=0.7, epochs=3, baseline=False) -> Trial:
    values = values or {
        "loss.eta": 0.0,
        "loss.gamma": 2.0,
        "loss.temperature": 0.07,
        "representation.batch_size": 64,
        "representation.optimizer": "sgd",
    }
    trial = Trial(number, "FCL", baseline, values, {}, 0, state=state)
    trial.epochs = {epoch: {METRIC: score - 0.1 * (epochs - epoch)} for epoch in range(1, epochs + 1)}
    trial.score = score if state == "finished" else None
    return trial


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("finished", TrialState.COMPLETE),
        ("stopped", TrialState.PRUNED),
        ("failed", TrialState.FAIL),
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


@pytest.mark.parametrize("sampler", ["tpe", "gp", "random"])
def test_a_proposal_depends_on_history_seed_and_number_alone(sampler):
    history = [trial_of(number, _values(number), score=0.5 + number / 50) for number in range(12)]

    def ask(number=12, seed=3):
        return propose(SPACE, history, sampler=sampler, metric=METRIC, seed=seed, number=number)

    first = ask()
    assert first == ask()
    assert first != ask(seed=4)
    assert first != ask(number=13)
    assert all(SPACE[path].contains(value) for path, value in first.items())


def test_tpe_learns_where_the_good_trials_are():
    history = [
        trial_of(number, _values(number) | {"loss.temperature": tau}, score=1 - abs(tau - 0.1))
        for number, tau in enumerate([0.03, 0.05, 0.08, 0.1, 0.12, 0.2, 0.3, 0.5, 0.7, 0.9] * 3)
    ]
    proposed = [
        propose(SPACE, history, sampler="tpe", metric=METRIC, seed=seed, number=30)["loss.temperature"]
        for seed in range(20)
    ]
    assert sum(tau < 0.25 for tau in proposed) >= 14


def test_a_stopped_trial_with_a_high_value_does_not_rank_below_a_bad_finished_baseline_that_was_spared():
    baseline = trial_of(0, score=0.52, baseline=True)
    baseline.decisions.append(Decision(0, 1, 0, 0.5, 0.6, 3, "spare"))
    stopped = trial_of(1, score=0.78, state="stopped")
    states = {as_optuna_trial(SPACE, trial, METRIC).state for trial in (baseline, stopped)}
    assert states == {TrialState.PRUNED}


def test_every_zero_of_the_family_is_proposed_by_every_sampler():
    for sampler in ("tpe", "gp", "random"):
        history = [trial_of(number, _values(number)) for number in range(4)]
        proposed = [propose(SPACE, history, sampler=sampler, metric=METRIC, seed=seed, number=4) for seed in range(80)]
        corners = {(values["loss.eta"] > 0, values["loss.gamma"] > 0) for values in proposed}
        assert len(corners) == 4, sampler


def test_the_grid_visits_every_point_once():
    space = {"loss.eta": ZeroOr(LogUniform(1, 100)), "representation.optimizer": Choice(("adamw", "sgd"))}
    points = [tuple(grid_point(space, 3, index).values()) for index in range(grid_size(space, 3))]
    assert len(points) == len(set(points)) == grid_size(space, 3)
    assert {eta for eta, _ in points} >= {0}


def test_optuna_can_read_the_told_trials():
    study = optuna.create_study(direction="maximize")
    study.add_trials([as_optuna_trial(SPACE, trial_of(n, _values(n), score=n / 10), METRIC) for n in range(5)])
    assert study.best_value == 0.4


def _values(number):
    return {
        "loss.eta": 0.0 if number % 3 == 0 else 1.0 + number,
        "loss.gamma": 0.0 if number % 2 == 0 else 0.5 + number / 10,
        "loss.temperature": 0.03 + number / 40,
        "representation.batch_size": 32 + number,
        "representation.optimizer": ("adamw", "sgd")[number % 2],
    }
