"""A search over the loss itself: which ranges belong to which loss, and what that makes of a spec."""

import re

import pytest

from spaces.conditions import active, completed
from spaces.ranges import Choice, LogUniform
from spaces.spec import load_spec
from trainers.config import TrialConfig
from trainers.errors import InputError
from trainers.loss_config import END_TO_END, FAMILIES, RIVALS, family
from trainers.older_configs import as_meant_then
from trainers.parsing import parse

LRS = [f"space.{name}.lr={{loguniform: [0.001, 0.1]}}" for name in END_TO_END.values()]
ALL = ["space.loss.name={choice: [afcl, cross_entropy, focal, logit_adjusted]}", *LRS]
RIVALS_TOO = ", ".join(["logit_adjusted", *RIVALS.values()])
EVERY = [ALL[0].replace("logit_adjusted", RIVALS_TOO), *LRS]
EVERY += [f"space.{name}.temperature={{loguniform: [0.05, 0.5]}}" for name in RIVALS.values()]
OWN = ["space.focal.gamma={uniform: [0.5, 5]}", "space.logit_adjusted.tau={uniform: [0.5, 2]}"]
PER = ["search.per_family=true"]
SHARED = ["space.representation.weight_decay={loguniform: [1e-6, 1e-2]}"]


def test_each_loss_has_the_ranges_that_are_its_own_and_those_that_all_share():
    space = load_spec("digits", [*ALL, *OWN, *SHARED, "space.representation.lr={loguniform: [1e-4, 1e-2]}"]).space
    shared = {"loss.name", "representation.weight_decay"}
    own = {
        "afcl": {"loss.eta", "loss.gamma", "loss.temperature", "representation.lr"},
        "cross_entropy": {"cross_entropy.lr"},
        "focal": {"focal.lr", "focal.gamma"},
        "logit_adjusted": {"logit_adjusted.lr", "logit_adjusted.tau"},
    }
    for loss, paths in own.items():
        assert set(active(space, {"loss.name": loss})) == shared | paths
    assert set(active(space, {})) == set(space)


def test_the_families_of_a_search_are_those_of_its_losses():
    assert load_spec("digits").families == ("CL", "FCL", "ACL", "AFCL")
    assert load_spec("digits", ALL).families == ("CL", "FCL", "ACL", "AFCL", "CE", "FOCAL", "LA")
    assert load_spec("digits", EVERY).families == FAMILIES
    one = ["loss.name=focal", "space={focal.lr: {loguniform: [0.001, 0.1]}}"]
    assert load_spec("digits", one).families == ("FOCAL",)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_baseline_is_of_its_family_and_has_the_searched_values_that_are_its_own(name):
    spec = load_spec("digits", [*EVERY, *OWN, f"search.baselines=[{name}]"])
    config, values = spec.baseline(name), spec.baseline_values(name)
    assert family(config.loss) == name
    assert set(values) == set(active(spec.space, {"loss.name": config.loss.name}))
    kept = config.model_dump(mode="json", exclude=config.unused)
    assert parse(TrialConfig, kept) == parse(TrialConfig, config.model_dump()) == config == spec.trial_config(values)
    assert spec.last_epoch(name) == config.last_epoch == (6 if name in END_TO_END else 7)


def test_a_baseline_of_one_stage_needs_no_range():
    spec = load_spec("digits", ["search.baselines=[CE, CL, FOCAL, LA]", "cross_entropy.lr=0.01"])
    assert spec.baseline("CE").training.lr == 0.01
    assert spec.baseline_values("CE") == {}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (LRS[:1], "space.cross_entropy.lr: has no effect with loss.name: afcl; leave it out, or search"),
        (["loss.name=focal"], "space.loss.eta: has no effect with loss.name: focal"),
        ([ALL[0].replace("afcl, ", "")], "space.loss.eta: has no effect with loss.name of cross_entropy, focal"),
        ([*ALL, "search.sampler=grid"], "search.sampler: a grid has no fields of one loss alone"),
        (["space.end_to_end.match={choice: [passes, epochs]}"], "space.end_to_end.match: may not be searched"),
        (["space.loss.name={choice: [afcl, supcon]}"], "space.loss.name: a choice must be one of afcl, cross_entropy"),
        ([*ALL, "space.focal.gamma={uniform: [-1, 5]}"], "space.focal.gamma: must be greater than or equal to 0"),
        ([*ALL, "search.first=[{loss.name: focal, loss.eta: 3}]"], "search.first[0].loss.eta: has no effect"),
        ([*ALL, "search.first=[{focal.lr: 0.01, loss.eta: 3}]"], "has no effect with loss.name"),
        ([*ALL, *PER], "all families that are searched (CL, FCL, ACL"),
        ([*ALL, LRS[0].partition("=")[0] + "=null", *PER, "search.baselines=[]"], "per_family CE must have something"),
    ],
)
def test_what_could_not_be_meant_is_refused(changes, complaint):
    with pytest.raises(InputError, match=re.escape(complaint)):
        load_spec("digits", changes)


def test_with_a_search_for_each_family_each_has_its_own_ranges():
    spec = load_spec("digits", [*ALL, *OWN, "search.per_family=true", "search.baselines=[]"])
    assert {name: sorted(spec.family_space(name)[0]) for name in END_TO_END} == {
        "CE": ["cross_entropy.lr"],
        "FOCAL": ["focal.gamma", "focal.lr"],
        "LA": ["logit_adjusted.lr", "logit_adjusted.tau"],
    }
    assert spec.family_space("LA")[1] == {"loss.name": "logit_adjusted"}
    assert spec.family_space("CL")[1] == {"loss.name": "afcl", "loss.eta": 0.0, "loss.gamma": 0.0}
    beside = load_spec("digits", ["search.per_family=true", "search.baselines=[CE]"])
    assert beside.families == ("CL", "FCL", "ACL", "AFCL"), "CE is no family of the search, and no start for one"


def test_a_guess_without_a_loss_gets_one_that_its_fields_belong_to():
    drawn = {"loss.name": "afcl", "loss.eta": 3.0, "focal.gamma": 1.0, "focal.lr": 0.1}
    losses = ("afcl", "focal")
    assert completed(drawn, {"focal.gamma": 2.0}, losses) == {"loss.name": "focal", "focal.gamma": 2.0, "focal.lr": 0.1}
    assert completed(drawn, {"loss.eta": 9.0}, losses) == {"loss.name": "afcl", "loss.eta": 9.0}
    assert completed(drawn, {"loss.name": "focal"}, losses)["focal.gamma"] == 1.0


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ({"loss": {"name": "cross_entropy", "eta": 3.0}}, "loss.eta"),
        ({"loss": {"name": "focal"}, "classifier": {"solver": "adamw"}}, "classifier"),
        ({"loss": {"name": "focal"}, "cross_entropy": {"lr": 0.1}}, "cross_entropy"),
        ({"loss": {"name": "focal"}, "representation": {"lr": 0.1}}, "representation.lr"),
        ({"focal": {"gamma": 3.0}}, "focal"),
        ({"loss": {"name": "focal"}, "model": {"projection_dim": 3}}, "model.projection_dim"),
        ({"end_to_end": {"match": "epochs"}}, "end_to_end"),
    ],
)
def test_a_trial_is_refused_what_nothing_comes_of_with_its_loss(raw, path):
    with pytest.raises(InputError, match=rf"^{path}: has no effect with loss.name: "):
        parse(TrialConfig, raw)


def test_a_trials_file_has_what_counts_and_nothing_else():
    trials = (TrialConfig(), parse(TrialConfig, {"loss": {"name": "focal"}}))
    two, one = (trial.model_dump(exclude=trial.unused) for trial in trials)
    assert two["loss"] == {"name": "afcl", "eta": 0.0, "gamma": 0.0, "temperature": 0.07, "normalize_by": "batch"}
    assert one["loss"] == {"name": "focal"}
    assert two.keys() - one.keys() == {"classifier"}
    assert one.keys() - two.keys() == {"end_to_end", "focal"}
    assert two["representation"].keys() - one["representation"].keys() == {"lr", "probe_images", "alignment"}


def test_a_spec_keeps_the_sections_of_all_losses():
    spec = load_spec("digits", ["loss.temperature=0.2", "focal.gamma=3", "cross_entropy.lr=0.1"])
    assert parse(type(spec), spec.dump()) == spec
    assert (spec.dump()["focal"]["gamma"], spec.dump()["loss"]["temperature"]) == (3.0, 0.2)


def test_the_default_baselines_are_for_new_searches_and_a_kept_spec_without_any_has_those_of_before():
    raw = {"name": "a", "search": {"trials": 0, "final": None}}
    assert parse(type(load_spec("digits")), raw).search.baselines == ("CE", "CL", "FCL", "ACL")
    assert parse(type(load_spec("digits")), as_meant_then(raw)).search.baselines == ("CL", "FCL", "ACL")


def test_a_kept_trial_of_one_stage_gets_no_stage_two_from_an_older_meaning():
    kept = parse(TrialConfig, {"loss": {"name": "focal"}})
    assert parse(TrialConfig, as_meant_then(kept.model_dump(mode="json", exclude=kept.unused))) == kept


@pytest.mark.parametrize("ready", ["fmnist", "isic2018"])
def test_the_searches_in_earnest_try_balanced_batches_and_both_normalisations(ready):
    space = load_spec(ready).space
    assert set(space["representation.balanced_batches"].values) == {True, False}
    assert set(space["loss.normalize_by"].values) == {"batch", "positives"}


@pytest.mark.parametrize("ready", ["demo", "fmnist", "isic2018"])
def test_cross_entropy_stands_among_the_baselines_of_the_ready_searches(ready):
    assert load_spec(ready).search.baselines == ("CE", "CL", "FCL", "ACL")


def test_a_range_of_a_loss_is_told_by_the_schema_of_its_field():
    space = load_spec("digits", ALL).space
    assert isinstance(space["loss.name"], Choice)
    assert space["focal.lr"] == LogUniform(0.001, 0.1)


def test_a_batch_of_one_stage_has_one_row_of_an_image_to_share_out():
    asked = ["representation.batch_size=4", "representation.views=2", "search.trials=0", "space={}"]
    assert load_spec("digits", [*asked, "search.baselines=[CL]", "resources.workers=8"]).resources.workers == 8
    with pytest.raises(InputError, match="got 8 workers for 4 rows"):
        load_spec("digits", [*asked, "search.baselines=[CL, CE]", "resources.workers=8"])
