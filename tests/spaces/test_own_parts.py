"""Which parts of a user's own a search has. See spaces.own_parts."""

import pytest

from spaces.own_parts import own_parts, parts_of_trials
from spaces.spec import load_spec
from trainers.errors import InputError
from trainers.own_encoder import FIELD


def test_parts_are_found_where_they_are_fixed_or_a_choice():
    assert own_parts(load_spec("digits")) == ()
    assert own_parts(load_spec("digits", ["model.encoder=pkg.models:build"])) == ((FIELD, "pkg.models:build"),)
    spec = load_spec("digits", ["space.model.encoder={choice: [small, 'pkg:one', 'pkg:two']}"])
    assert own_parts(spec) == ((FIELD, "pkg:one"), (FIELD, "pkg:two"))


def test_a_sampler_is_needed_by_the_driver_alone():
    spec = load_spec("digits", ["search.sampler=pkg:propose"])
    assert own_parts(spec) == (("search.sampler", "pkg:propose"),)
    assert parts_of_trials(spec) == ()


def test_losses_are_found_where_they_are_fixed_a_choice_or_a_baseline():
    choice = "space.loss.name={choice: [afcl, 'pkg:one', 'pkg:two']}"
    spec = load_spec("digits", [choice, "search.baselines=[CL, 'pkg:two', 'pkg:three']"])
    assert sorted(own_parts(spec)) == [("loss.name", "pkg:one"), ("loss.name", "pkg:three"), ("loss.name", "pkg:two")]
    fixed = load_spec("digits", ["space={representation.lr: {uniform: [0.1, 0.2]}}", "loss.name=pkg:one"])
    assert parts_of_trials(fixed) == (("loss.name", "pkg:one"),)


def test_a_choice_that_is_neither_known_nor_a_path_is_refused():
    with pytest.raises(InputError, match=r"one of small, .*resnet152, but got 'smal'; did you mean small"):
        load_spec("digits", ["space.model.encoder={choice: [small, smal]}"])


def test_a_dataset_is_needed_by_the_driver_alone():
    spec = load_spec("digits", ["data.dataset=pkg.data:load", "data.classes=null", "model.encoder=pkg:build"])
    assert own_parts(spec) == ((FIELD, "pkg:build"), ("data.dataset", "pkg.data:load"))
    assert parts_of_trials(spec) == ((FIELD, "pkg:build"),)
