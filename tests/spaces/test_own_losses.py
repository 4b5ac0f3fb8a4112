"""A search over losses of the user's own: their families, ranges and baselines."""

import pytest

from spaces.spec import json_schema, load_spec, parse_spec
from trainers.config import TrialConfig
from trainers.errors import InputError
from trainers.loss_config import family
from trainers.own_parts import metadata
from trainers.parsing import parse

OWN = [
    "space.loss.name={choice: [afcl, 'pkg.losses:triplet', 'pkg.losses:other']}",
    "space.loss.eta={uniform: [1, 9]}",
    "space.representation.lr={loguniform: [0.001, 0.1]}",
    "space.own_loss.triplet.margin={uniform: [0.1, 1]}",
    "space.own_loss.other.weight={choice: [1, 2]}",
]


def test_a_loss_of_ones_own_is_a_family_with_parameters_of_its_own():
    spec = load_spec(
        "digits", ["space={}", "own_loss.triplet.margin=0.4", "search.per_family=true", "search.baselines=[]", *OWN]
    )
    assert spec.families == ("CL", "FCL", "ACL", "AFCL", "triplet", "other")
    assert spec.own_families == ("triplet", "other")
    ranges, fixed = spec.family_space("triplet")
    assert sorted(ranges) == ["own_loss.triplet.margin", "representation.lr"]
    assert fixed == {"loss.name": "pkg.losses:triplet"}
    assert sorted(spec.family_space("CL")[0]) == ["representation.lr"]
    config = spec.trial_config({"loss.name": "pkg.losses:triplet", "own_loss.triplet.margin": 0.7})
    assert (config.own_loss, family(config.loss)) == ({"triplet": {"margin": 0.7}}, "triplet")
    assert (
        spec.baseline("triplet").own_loss
        == spec.baseline("pkg.losses:triplet").own_loss
        == {"triplet": {"margin": 0.4}}
    )
    assert spec.baseline("other").own_loss == {}
    assert spec.last_epoch("triplet") == config.last_epoch
    assert parse_spec(spec.dump()) == spec
    dumped = config.model_dump(mode="json", exclude=config.unused)
    assert dumped["loss"] == {"name": "pkg.losses:triplet"}
    assert parse(TrialConfig, dumped) == config


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            ["space.own_loss.tripplet.margin={uniform: [0, 1]}"],
            "space.own_loss.tripplet.margin: no loss of your own",
        ),
        (
            ["own_loss.tripplet.margin=1"],
            "own_loss.tripplet: no loss of this search is called so; did you mean",
        ),
        (["own_loss.triplet.margin={uniform: [0, 1]}"], "its range goes under space, as space.own_loss.triplet.margin"),
        (["own_loss.triplet.margin=null"], "own_loss: triplet.margin must be a finite number, a text"),
        (["search.baselines=['pkg:CL']"], "loss.name: pkg:CL would be called CL, as a built-in family is"),
        (
            ["search.baselines=['pkg.losses:triplet']", "space.own_loss.triplet.margin={uniform: [0, 1]}"],
            "search.baselines: triplet needs a fixed value of what own_loss.triplet.margin searches; give own_loss",
        ),
        (["search.baselines=['pkg:other']"], "pkg.losses:other and pkg:other would both be called other"),
        (["space.own_loss.triplet={uniform: [0, 1]}"], "space.own_loss.triplet: unknown field"),
        (["search.sampler=grid"], "a grid has no fields of one loss alone"),
    ],
)
def test_what_does_not_fit_a_loss_of_ones_own_is_told_in_one_line(changes, said):
    with pytest.raises(InputError) as refused:
        load_spec("digits", ["space={}", *OWN, *changes])
    assert said in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_the_schema_of_editors_takes_a_loss_of_ones_own():
    from jsonschema import Draft202012Validator

    spec = load_spec("digits", ["space={}", "own_loss.triplet.margin=0.4", *OWN])
    Draft202012Validator(json_schema()).validate(spec.dump())


def test_a_registered_name_is_a_choice_too(monkeypatch):
    """And so for encoders: both are kept by their import paths."""
    entries = {
        ("afcl.losses", "tri"): metadata.EntryPoint("tri", "pkg.losses:triplet", "afcl.losses"),
        ("afcl.encoders", "tiny"): metadata.EntryPoint("tiny", "pkg.models:build", "afcl.encoders"),
    }
    monkeypatch.setattr(metadata, "entry_points", lambda group, name="": [entries[group, name]] if name else [])
    spec = load_spec(
        "digits",
        [
            "search.baselines=[CL, tri]",
            "space.loss.name={choice: [afcl, tri]}",
            "space.model.encoder={choice: [small, tiny]}",
            "search.first=[{loss.name: tri, model.encoder: tiny}]",
        ],
    )
    assert spec.losses == ("afcl", "pkg.losses:triplet")
    assert spec.search.baselines == ("CL", "pkg.losses:triplet")
    assert spec.space["model.encoder"].values == ("small", "pkg.models:build")
    assert spec.search.first[0]["loss.name"] == "pkg.losses:triplet"
    assert spec.search.first[0]["model.encoder"] == "pkg.models:build"
