"""Contrastive losses, those of a user's own among them. See trainers.contrastive_loss."""

import os

import pytest
import torch
from own_package import write_package
from torch.nn.functional import normalize
from trials import run

from trainers.config import TrialConfig
from trainers.contrastive_loss import contrastive_loss, try_loss
from trainers.errors import InputError
from trainers.loss_config import RIVALS, LossConfig, family
from trainers.losses.afcl import asymmetric_focal_contrastive_loss
from trainers.own_parts import metadata
from trainers.parsing import parse


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    return write_package(tmp_path, "ownlosses", monkeypatch)


def trial(attribute, views=2, **parameters):
    own = {attribute.split(".")[-1]: parameters} if parameters else {}
    name = f"ownlosses.losses:{attribute}"
    return parse(TrialConfig, {"loss": {"name": name}, "own_loss": own, "representation": {"views": views}})


def batch():
    draws = torch.Generator().manual_seed(0)
    return normalize(torch.randn(8, 4, generator=draws), dim=1), torch.tensor([0, 0, 1, 0] * 2)


def test_the_afcl_comes_through_the_same_door():
    config = parse(TrialConfig, {"loss": {"eta": 3.0, "gamma": 1.0}})
    z, labels = batch()
    ours = asymmetric_focal_contrastive_loss(z, labels, eta=3.0, gamma=1.0, temperature=0.07)
    assert torch.equal(contrastive_loss(config)(z, labels), ours)


@pytest.mark.parametrize("name", RIVALS.values())
@pytest.mark.parametrize("views", [1, 2])
def test_rivals_pass_what_a_loss_of_ones_own_has_to_pass(name, views):
    for temperature in (0.01, 10.0):
        values = {"loss": {"name": name}, name: {"temperature": temperature}, "representation": {"views": views}}
        try_loss(parse(TrialConfig, values))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ownlosses.losses:asks", "k_positive", "supervised_minority"])
def test_several_workers_compute_what_one_does(tiny_config, digits, name, package, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(package.parent), os.environ.get("PYTHONPATH", "")]))
    values = tiny_config.model_dump(mode="json", exclude=tiny_config.unused) | {"loss": {"name": name}}
    values["representation"] |= {"epochs": 1}
    config = parse(TrialConfig, values)
    one, two = (run(config, digits, on=workers)[0][0][1] for workers in (1, 2))
    assert two["train_loss"] == pytest.approx(one["train_loss"], rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", RIVALS.values())
def test_a_trial_trains_with_a_rival_and_goes_on_to_the_bit(tiny_config, digits, name):
    values = tiny_config.model_dump(mode="json", exclude=tiny_config.unused)
    config = parse(TrialConfig, values | {"loss": {"name": name}})
    told, saved, _ = run(config, digits)
    assert run(config, digits, resume=saved[1])[0] == told


def test_its_parameters_come_from_the_config_or_are_its_defaults():
    import ownlosses.losses

    z, labels = batch()
    for given in ({}, {"margin": 1.5}):
        bound = contrastive_loss(trial("triplet", **given))
        assert torch.equal(bound(z, labels), ownlosses.losses.triplet(z, labels, **given))


def test_its_family_is_the_name_of_its_function():
    assert family(LossConfig(name="ownlosses.losses:triplet")) == "triplet"
    assert family(LossConfig(name=f"ownlosses.losses:Holder.triplet#sha256={'0' * 64}")) == "triplet"


@pytest.mark.parametrize("attribute", ["triplet", "asks"])
@pytest.mark.parametrize("views", [1, 2])
def test_a_loss_that_works_passes(attribute, views):
    try_loss(trial(attribute, views))


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [None, pytest.param(32, marks=pytest.mark.slow)])
def test_a_trial_trains_with_it_and_goes_on_to_the_bit(tiny_config, digits, chunk):
    """`asks` draws at random and looks at images and counts, so each of them has to be the same after a resume."""
    values = tiny_config.model_dump(mode="json", exclude=tiny_config.unused)
    values |= {"loss": {"name": "ownlosses.losses:asks"}, "own_loss": {"asks": {"scale": 2.0}}}
    values["representation"] |= {"epochs": 3, "chunk": chunk}
    config = parse(TrialConfig, values)
    told, saved, _ = run(config, digits)
    assert run(config, digits, resume=saved[1])[0] == told


@pytest.mark.parametrize(
    ("attribute", "said"),
    [
        ("raises", "on a batch of three classes, raises ValueError: no luck"),
        ("vector", r"must give a scalar, but gave \[24\] of torch.float32"),
        ("number", "must give a scalar, but gave float"),
        ("endless", "gives (-)?inf"),
        ("constant", "has no gradient with respect to the embeddings"),
        ("elsewhere", "has no gradient with respect to the embeddings"),
        ("steep", "has a gradient that is not finite"),
        ("needs_two", "on a batch of one class, gives nan"),
        ("drawn", "gives another value at a second call; draw from the parameter `generator` alone"),
        ("needs", "own_loss.needs.margin: .* needs a value for it"),
        ("weighted", "has weights of its own"),
        ("three", "must be a function, but is int"),
        ("nothing", "has no nothing"),
    ],
)
def test_what_is_no_loss_is_told_in_one_line(attribute, said):
    with pytest.raises(InputError, match=said) as refused:
        try_loss(trial(attribute))
    assert len(str(refused.value).splitlines()) == 1


def test_a_parameter_that_it_does_not_take_is_told_with_those_that_it_does():
    with pytest.raises(InputError, match=r"own_loss\.triplet\.margn: .* takes no such parameter; did you mean margin"):
        try_loss(trial("triplet", margn=1.0))
    with pytest.raises(InputError, match=r"picky with margin 0\.7, on a batch .* margin must be in"):
        try_loss(trial("picky", margin=0.7))


def test_another_source_than_the_search_began_with_is_refused():
    config = parse(TrialConfig, {"loss": {"name": f"ownlosses.losses:triplet#sha256={'0' * 64}"}})
    with pytest.raises(InputError, match=r"the source of ownlosses\.losses has changed"):
        contrastive_loss(config)


def test_a_registered_name_means_its_import_path(monkeypatch):
    entry = metadata.EntryPoint("tri", "ownlosses.losses:triplet", "afcl.losses")
    monkeypatch.setattr(metadata, "entry_points", lambda group, name="tri": [entry] if name == "tri" else [])
    assert LossConfig(name="tri").name == "ownlosses.losses:triplet"
    with pytest.raises(ValueError, match="supervised_minority, tri, or a path"):
        LossConfig(name="trii")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"own_loss": {"triplet": {"margin": 1.0}}}, "own_loss: has no effect with loss.name: afcl"),
        ({"loss": {"name": "p:triplet"}, "own_loss": {"other": {"a": 1}}}, "own_loss.other: has no effect"),
        ({"loss": {"name": "p:triplet", "eta": 1.0}}, "loss.eta: has no effect with loss.name: p:triplet"),
        ({"loss": {"name": "p:f"}, "own_loss": {"f": {"a": float("nan")}}}, "own_loss: f.a must be a finite number"),
        ({"loss": {"name": "p:f"}, "own_loss": {"f": 3}}, r"own_loss: must be a mapping of a loss's name to its param"),
    ],
)
def test_a_config_checks_what_is_given_beside_it(values, said):
    with pytest.raises(InputError, match=said) as refused:
        parse(TrialConfig, values)
    assert len(str(refused.value).splitlines()) == 1
