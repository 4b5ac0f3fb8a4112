import random
from types import SimpleNamespace

import pytest
from ray.tune.schedulers import ASHAScheduler, TrialScheduler

from search.algorithms.asha import Asha, ladder, rung_epochs
from spaces.spec import load_spec


def test_rungs_are_grace_times_powers_of_the_reduction():
    assert ladder(2, 3, 50) == (2, 6, 18)
    assert ladder(1, 4, 64) == (1, 4, 16, 64)
    assert ladder(5, 2, 4) == ()


def test_no_rung_is_where_all_that_is_left_is_to_take_the_score():
    changes = ["representation.epochs=8", "search.scheduler={name: asha, grace: 2, reduction: 2}"]
    assert rung_epochs(load_spec("digits", changes)) == (2, 4)
    assert rung_epochs(load_spec("digits", [*changes, "classifier.solver=adamw"])) == (2, 4, 8)
    assert rung_epochs(load_spec("digits", [*changes, "search.scheduler.grace=8"])) == ()
    assert rung_epochs(load_spec("digits", [*changes, "classifier.fine_tune=true"])) == (2, 4, 8), "all tuning is left"


@pytest.mark.parametrize("reduction", [2, 3, 4])
def test_decisions_are_those_of_rays_asha(reduction):
    """The same trials in the same order: epochs interleaved at random, as many slots report them."""
    draws = random.Random(reduction)
    rays = ASHAScheduler("epoch", "score", "max", max_t=1000, grace_period=2, reduction_factor=reduction)
    ours = Asha(ladder(2, reduction, 1000), reduction)
    trials = [SimpleNamespace(trial_id=str(number)) for number in range(60)]
    for trial in trials:
        rays.on_trial_add(None, trial)
    running, epochs, stopped = list(range(60)), [0] * 60, 0
    while running and min(epochs[number] for number in running) < 200:
        number = draws.choice(running)
        epochs[number] += 1
        value = round(draws.random(), 2)  # rounded: ties
        theirs = rays.on_trial_result(None, trials[number], {"epoch": epochs[number], "score": value})
        decision = ours.decide(number, epochs[number], value, exempt=False)
        if decision is not None:
            ours.record(decision)
        stop = decision is not None and decision.action == "stop"
        assert stop == (theirs == TrialScheduler.STOP)
        if stop:
            running.remove(number)
            stopped += 1
        if epochs[number] == 200:
            break
    assert stopped > 10


def test_the_first_at_a_rung_goes_on_and_a_tie_with_the_cutoff_too():
    asha = Asha((2,), 2)
    first = asha.decide(0, 2, 0.1, exempt=False)
    asha.record(first)
    assert (first.action, first.cutoff, first.standing) == ("continue", None, 0)
    assert asha.decide(1, 2, 0.1, exempt=False).action == "continue"
    assert asha.decide(1, 2, 0.0999, exempt=False).action == "stop"
    assert asha.decide(1, 3, 0.0, exempt=False) is None


def test_a_baseline_is_spared_and_competes_at_no_rung_above():
    asha = Asha((1, 2), 2)
    asha.record(asha.decide(0, 1, 0.9, exempt=False))
    spared = asha.decide(1, 1, 0.1, exempt=True)
    asha.record(spared)
    assert spared.action == "spare"
    assert asha.decide(1, 2, 0.99, exempt=True) is None


def test_rungs_rebuilt_from_decisions_decide_alike():
    draws = random.Random(0)
    live, decisions = Asha((1, 3), 3, exempt_share=0.3, seed=1), []
    for number in range(40):
        decision = live.decide(number, 1, draws.random(), exempt=False)
        live.record(decision)
        decisions.append(decision)
    rebuilt = Asha((1, 3), 3, exempt_share=0.3, seed=1)
    rebuilt.replay(decisions)
    for value in (0.1, 0.5, 0.9):
        assert rebuilt.decide(99, 1, value, exempt=False) == live.decide(99, 1, value, exempt=False)


def test_a_seeded_share_of_the_hopeless_is_exempt():
    def actions(share, seed):
        asha = Asha((1,), 2, exempt_share=share, seed=seed)
        asha.record(asha.decide(-1, 1, 1.0, exempt=False))
        return [asha.decide(number, 1, 0.0, exempt=False).action for number in range(2000)]

    assert set(actions(0, 0)) == {"stop"}
    assert 60 < actions(0.05, 0).count("spare") < 140
    assert actions(0.05, 0) == actions(0.05, 0) != actions(0.05, 1)


def test_a_decision_says_why():
    asha = Asha((4,), 2)
    asha.record(asha.decide(0, 4, 0.8, exempt=False))
    assert (
        asha.decide(1, 4, 0.7, exempt=False).reason()
        == "0.7000 at rung 0 (epoch 4), below the cutoff 0.8000 of 1 before it"
    )


def test_brackets_do_not_see_each_other():
    asha = Asha((1,), 2)
    asha.record(asha.decide(0, 1, 0.9, exempt=False, bracket=0))
    other = asha.decide(1, 1, 0.1, exempt=False, bracket=1)
    assert (other.action, other.standing, other.bracket) == ("continue", 0, 1)
    assert asha.decide(1, 1, 0.1, exempt=False, bracket=0).action == "stop"
