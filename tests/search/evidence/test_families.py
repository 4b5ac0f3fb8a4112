"""The losses side by side."""

from types import SimpleNamespace

from search.evidence.candidates import Candidate
from search.evidence.evidence import TEST_METRICS
from search.evidence.families import chosen_of, confirmed_rows, minority, searched_rows
from search.evidence.measured import Measured, Spread
from search.evidence.verdict import judge

AFCL = {"loss": {"eta": 2.0, "gamma": 1.0, "temperature": 0.1}, "representation": {"lr": 0.01}}
FOCAL = {"loss": {"name": "focal"}, "focal": {"gamma": 3.0, "lr": 0.002}, "representation": {}}


def trial(number, family, config, score, **metrics):
    told = {"val_balanced_accuracy": score, **metrics}
    return SimpleNamespace(number=number, family=family, config=config, score=score, epoch=3, epochs={3: told})


RANKED = [
    trial(4, "FOCAL", FOCAL, 0.8, **{"val_recall/rare": 0.6, "val_auroc": 0.9}),
    trial(2, "AFCL", AFCL, 0.7),
    trial(3, "AFCL", AFCL, 0.6),
]


def test_each_family_has_its_own_values():
    assert chosen_of(RANKED[1]) == {"eta": 2.0, "gamma": 1.0, "tau": 0.1, "lr": 0.01}
    assert chosen_of(RANKED[0]) == {"eta": None, "gamma": 3.0, "tau": None, "lr": 0.002}


def test_a_rivals_temperature_is_its_own_and_a_loss_of_ones_own_has_none_of_them():
    config = {"loss": {"name": "balanced_contrastive", "eta": 1.0}, "balanced_contrastive": {"temperature": 0.2}}
    rival = trial(5, "BCL", config | {"representation": {"lr": 0.01}}, 0.7)
    assert chosen_of(rival) == {"eta": None, "gamma": None, "tau": 0.2, "lr": 0.01}
    own = trial(6, "triplet", {"loss": {"name": "pkg:triplet"}, "representation": {"lr": 0.01}}, 0.7)
    assert chosen_of(own) == {"eta": None, "gamma": None, "tau": None, "lr": 0.01}


def test_before_a_confirmation_the_first_of_each_family_stands_for_it():
    afcl, focal = searched_rows(RANKED, "rare")
    assert (afcl.label, afcl.trial, afcl.mean, afcl.interval) == ("AFCL", 2, 0.7, None)
    assert (afcl.minority_recall, afcl.auroc, afcl.macro_f1) == (None, None, None), "what was not measured is not there"
    assert (focal.minority_recall, focal.auroc, focal.macro_f1) == (0.6, 0.9, None)


def test_after_one_the_values_are_means_on_the_test_split():
    scores = {"FOCAL": {1: 0.8, 2: 0.82}, "AFCL": {1: 0.7, 2: 0.72}}
    spread = Spread(0.5, None, 2)
    evidence = SimpleNamespace(
        families={TEST_METRICS[0]: judge(scores)},
        candidates=(Candidate(4, "FOCAL", 1), Candidate(2, "AFCL", 2), Candidate(3, "trial 3 (AFCL)", 3)),
        measured={"AFCL": Measured({"auroc": spread}, {"rare": {"recall": spread}}, ("rare",), 2, [[1]])},
    )
    afcl, focal = confirmed_rows(evidence, {one.number: one for one in RANKED}, "rare")
    assert (afcl.seeds, round(afcl.mean, 3), afcl.minority_recall, afcl.auroc) == (2, 0.71, 0.5, 0.5)
    assert afcl.interval[0] < 0.71 < afcl.interval[1] <= 1
    assert (focal.label, focal.minority_recall, focal.auroc) == ("FOCAL", None, None)


def test_a_class_is_the_minority_only_if_no_other_is_as_rare():
    assert minority({"a": 90, "b": 10}) == "b"
    assert minority({"a": 10, "b": 10, "c": 20}) is None
