"""A search's own parts, before its first trial. See search.engine.first_parts."""

import pytest
from own_package import write_package
from words import BAD_INPUT

from search.engine.first_parts import tried
from spaces.spec import load_spec
from trainers.errors import InputError

SHAPE = (1, 8, 8)  # of the digits
CHOICE = "space.loss.name={choice: [afcl, 'firstparts.losses:triplet', 'firstparts.losses:other']}"


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    return write_package(tmp_path, "firstparts", monkeypatch)


def test_a_search_without_own_parts_stays_as_it_is():
    spec = load_spec("digits")
    assert tried(spec, SHAPE) == {}


def test_losses_of_ones_own_are_kept_with_the_hash_of_their_source_wherever_they_are_named():
    spec = load_spec("digits", [CHOICE, "search.baselines=[CL, 'firstparts.losses:picky']", "search.per_family=false"])
    kept = spec.model_copy(update=tried(spec, SHAPE))
    afcl, triplet, other = kept.space["loss.name"].values
    assert afcl == "afcl"
    assert triplet.startswith("firstparts.losses:triplet#sha256=")
    assert kept.search.baselines == ("CL", other.replace(":other", ":picky"))
    assert kept.own_families == ("triplet", "other", "picky")
    assert tried(kept, SHAPE) == {}


def test_the_parts_that_a_first_guess_names_are_tried_and_kept_with_their_hashes_too():
    guess = "{loss.name: 'firstparts.losses:triplet', model.encoder: 'firstparts.models:Tiny'}"
    spec = load_spec("digits", [CHOICE, f"search.first=[{guess}]", "search.per_family=false"])
    kept = spec.model_copy(update=tried(spec, SHAPE))
    (first,) = kept.search.first
    assert first["loss.name"] == kept.space["loss.name"].values[1]
    assert first["model.encoder"].startswith("firstparts.models:Tiny#sha256=")
    assert tried(kept, SHAPE) == {}


def test_a_loss_that_only_a_first_guess_names_has_a_family_and_is_tried():
    own = [
        "search.per_family=false",
        "search.first=[{loss.name: 'firstparts.losses:picky', own_loss.picky.margin: 0.7}]",
    ]
    spec = load_spec("digits", own)
    assert spec.own_families == ("picky",)
    with pytest.raises(InputError, match=r"picky with margin 0\.7, on a batch of three classes, raises ValueError"):
        tried(spec, SHAPE)


def test_a_first_guess_is_tried_that_names_a_parameter_of_the_loss_alone():
    lr = "space={representation.lr: {loguniform: [0.001, 0.1]}}"
    own = [lr, "loss.name=firstparts.losses:picky", "search.first=[{own_loss.picky.margin: 0.7}]"]
    with pytest.raises(InputError, match=r"picky with margin 0\.7, on a batch of three classes, raises ValueError"):
        tried(load_spec("digits", own), SHAPE)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["loss.name=firstparts.losses:needs_two"], "on a batch of one class, gives nan"),
        (["search.baselines=['firstparts.losses:vector']"], "must give a scalar"),
        (["loss.name=absent.losses:f"], "loss.name: no module absent here, which absent.losses:f needs"),
        (
            ["loss.name=firstparts.losses:picky", "space.own_loss.picky.margin={uniform: [0.1, 0.7]}"],
            "picky with margin 0.7, on a batch of three classes, raises ValueError",
        ),
        (
            ["loss.name=firstparts.losses:triplet", "space.own_loss.triplet.margn={uniform: [0.1, 0.7]}"],
            "own_loss.triplet.margn: firstparts.losses:triplet takes no such parameter; did you mean margin?",
        ),
    ],
)
def test_a_loss_that_cannot_be_used_is_told_before_the_first_trial(changes, said):
    spec = load_spec("digits", ["space={}", "space.representation.lr={loguniform: [0.001, 0.1]}", *changes])
    with pytest.raises(InputError) as refused:
        tried(spec, SHAPE)
    assert said in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_sampler_of_ones_own_is_kept_with_the_hash_of_its_source():
    spec = load_spec("digits", ["search.sampler=firstparts.samplers:propose"])
    kept = spec.model_copy(update=tried(spec, SHAPE))
    assert kept.search.sampler.startswith("firstparts.samplers:propose#sha256=")
    assert tried(kept, SHAPE) == {}
    mixed = ["search.per_family=true", "search.sampler=firstparts.samplers:propose", CHOICE, "search.baselines=[]"]
    tried(load_spec("digits", [*mixed, "space.representation.lr={uniform: [0.1, 0.2]}"]), SHAPE)


def test_a_confirmation_needs_no_sampler():
    spec = load_spec("digits", ["search.sampler=absent:propose"])
    assert tried(spec, SHAPE, proposes=False) == {}
    with pytest.raises(InputError, match=r"search\.sampler: no module absent here"):
        tried(spec, SHAPE)


@pytest.mark.parametrize("word", ["plan", "search"])
def test_the_command_says_so_in_one_line(word, typed, tmp_path):
    own = ["--set", "space={representation.lr: {uniform: [0.1, 0.2]}}", "--set", "loss.name=firstparts.losses:raises"]
    refused = typed(word, "digits", *own)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (BAD_INPUT, 1)
    assert "loss.name: firstparts.losses:raises, on a batch of three classes, raises ValueError" in refused.stderr
    assert not (tmp_path / "results" / "digits").exists()
