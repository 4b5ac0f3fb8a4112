"""What the samplers propose, given what they were told."""

from dataclasses import replace

import optuna
import pytest
from told_trials import SPACE, trial_of, values_of

from search.algorithms.optuna_trials import as_optuna_trial
from search.algorithms.sampler import as_full_length, known_trials, propose
from trainers.config import METRIC


@pytest.mark.parametrize("sampler", ["tpe", pytest.param("gp", marks=pytest.mark.slow), "random"])
def test_a_proposal_depends_on_history_seed_and_number_alone(sampler):
    history = [trial_of(number, values_of(number), score=0.5 + number / 50) for number in range(12)]

    def ask(number=12, seed=3):
        return propose(SPACE, history, sampler=sampler, metric=METRIC, seed=seed, number=number)

    first = ask()
    assert first == ask()
    assert first != ask(seed=4)
    assert first != ask(number=13)
    assert all(SPACE[path].contains(value) for path, value in first.items())


@pytest.mark.slow
def test_tpe_learns_where_the_good_trials_are():
    history = [
        trial_of(number, values_of(number) | {"loss.temperature": tau}, score=1 - abs(tau - 0.1))
        for number, tau in enumerate([0.03, 0.05, 0.08, 0.1, 0.12, 0.2, 0.3, 0.5, 0.7, 0.9] * 3)
    ]
    proposed = [
        propose(SPACE, history, sampler="tpe", metric=METRIC, seed=seed, number=30)["loss.temperature"]
        for seed in range(20)
    ]
    assert sum(tau < 0.25 for tau in proposed) >= 14


@pytest.mark.slow
def test_every_zero_of_the_family_is_proposed_by_every_sampler():
    for sampler in ("tpe", "gp", "random"):
        history = [trial_of(number, values_of(number)) for number in range(4)]
        proposed = [propose(SPACE, history, sampler=sampler, metric=METRIC, seed=seed, number=4) for seed in range(80)]
        corners = {(values["loss.eta"] > 0, values["loss.gamma"] > 0) for values in proposed}
        assert len(corners) == 4, sampler


@pytest.mark.slow
def test_a_gaussian_process_learns_from_stopped_trials():
    """Optuna's GP counts complete trials alone: under ASHA, which stops most, it would draw at random for ever."""
    history = [
        trial_of(number, values_of(number) | {"loss.temperature": tau}, state="stopped", score=1 - abs(tau - 0.1))
        for number, tau in enumerate([0.03, 0.05, 0.08, 0.1, 0.12, 0.2, 0.3, 0.5, 0.7, 0.9] * 3)
    ]
    proposed = [
        propose(SPACE, history, sampler="gp", metric=METRIC, seed=seed, number=30)["loss.temperature"]
        for seed in range(5)
    ]
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


@pytest.mark.parametrize("count", [3, 8, 40, 200])
def test_a_study_of_told_trials_is_asked_like_one_to_which_they_were_added(count):
    """The way of Optuna's documentation copies every trial at every ask; what is proposed is the same."""
    from search.algorithms import sampler as ours
    from search.algorithms.optuna_trials import suggest

    states = ["finished", "stopped", "stopped", "failed", "running"]
    history = [
        trial_of(n, values_of(n % 36), states[n % 5], score=(n * 7919 % 101) / 101, epochs=1 + n % 3)
        for n in range(count)
    ]
    study = optuna.create_study(
        direction="maximize", sampler=ours._sampler("tpe", ours.derive_seed(1, "ask", count), 1)
    )
    study.add_trials([as_optuna_trial(SPACE, trial, METRIC) for trial in history])
    asked = study.ask()
    expected = {path: suggest(asked, path, range_, False) for path, range_ in SPACE.items()}
    assert propose(SPACE, history, sampler="tpe", metric=METRIC, seed=1, number=count) == expected


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", pytest.param("gp", marks=pytest.mark.slow)])
def test_what_is_remembered_of_earlier_asks_changes_no_proposal(sampler):
    known, history = known_trials(SPACE, sampler, METRIC), []
    for number in range(24):
        history.append(trial_of(number, values_of(number), state="running", score=(number * 37 % 24) / 24))
        if number >= 2:
            history[number - 2].state, history[number - 2].score = "finished", (number * 37 % 24) / 24
        if sampler == "gp" and number not in (11, 17):  # each takes half a second
            continue
        arguments = {"sampler": sampler, "metric": METRIC, "seed": 5, "number": number + 1}
        assert propose(SPACE, history, **arguments, known=known) == propose(SPACE, history, **arguments)


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
