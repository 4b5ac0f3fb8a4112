"""The plan of a path from CL to a winner."""

from types import SimpleNamespace

import pytest

from search.evidence.ablation import Ablation, Switch, ablation_of, as_plan, changed, read_ablation
from search.evidence.candidates import CONFIRMS, Candidate
from trainers.errors import InputError


def config(eta=0.0, gamma=0.0, temperature=0.1, lr=0.003, decay=0.0, seed=1):
    loss = {"eta": eta, "gamma": gamma, "temperature": temperature}
    return {"seed": seed, "data": {"seed": seed}, "loss": loss, "representation": {"lr": lr, "weight_decay": decay}}


def path(after, label="AFCL"):
    trials = {0: SimpleNamespace(config=config()), 7: SimpleNamespace(config=after)}
    return ablation_of([Candidate(7, label, 1), Candidate(0, "CL", 4)], trials)


def test_values_are_switched_one_by_one_and_what_does_not_differ_is_no_step():
    found = path(config(eta=12.34, temperature=0.5, lr=0.01, seed=2))
    assert (found.start, found.end, found.trial) == ("CL", "AFCL", 0)
    assert [step.label for step in found.steps] == ["+ η = 12.3", "+ τ = 0.5", "+ lr = 0.01"]
    assert found.steps[1].changes == {"loss.eta": 12.34, "loss.temperature": 0.5}
    assert found.between == found.steps[:-1], "the last step is the winner itself"
    assert found.in_words() == "from CL to AFCL by + η = 12.3, + τ = 0.5, + lr = 0.01"


def test_all_else_that_differs_is_one_last_step():
    found = path(config(gamma=2.0, decay=0.1), "FCL")
    assert [step.label for step in found.steps] == ["+ γ = 2", "+ the rest"]
    whole = changed(config(), found.steps[-1].changes)
    assert whole == config(gamma=2.0, decay=0.1)
    assert config()["loss"]["gamma"] == 0.0


def test_a_trial_of_an_older_version_differs_in_no_field_that_it_did_not_know():
    before, after = config(), config(eta=12.34)
    before["classifier"] = {"solver": "lbfgs", "l2": "auto"}
    after["classifier"] = before["classifier"] | {"l2_rules": 1}
    for start, end in (
        (before, after),
        (config() | after | {"loss": config()["loss"]}, before | {"loss": after["loss"]}),
    ):
        trials = {0: SimpleNamespace(config=start), 7: SimpleNamespace(config=end)}
        found = ablation_of([Candidate(7, "AFCL", 1), Candidate(0, "CL", 4)], trials)
        assert [step.changes for step in found.steps] == [{"loss.eta": 12.34}]


def test_no_path_is_refused_in_a_line():
    with pytest.raises(InputError, match="no trial of CL has finished"):
        ablation_of([Candidate(7, "AFCL", 1)], {})
    with pytest.raises(InputError, match="no trial of FCL nor ACL nor AFCL has finished"):
        ablation_of([Candidate(0, "CL", 1), Candidate(2, "CE", 2)], {})
    with pytest.raises(InputError, match="have the same configuration"):
        path(config(seed=5))


def test_a_plan_comes_back_from_the_folder_and_older_ones_have_none():
    plan = Ablation("CL", "ACL", 3, (Switch("+ η = 2", {"loss.eta": 2.0}),))
    folder = SimpleNamespace(about=lambda: {CONFIRMS: {"ablation": as_plan(plan)}})
    assert read_ablation(folder) == plan
    assert read_ablation(SimpleNamespace(about=lambda: {CONFIRMS: {"candidates": []}})) is None
