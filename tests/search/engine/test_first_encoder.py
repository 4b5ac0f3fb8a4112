"""The encoder that trials begin with, before the first one. See search.engine.first_encoder."""

import pytest
import torch
from own_package import write_package
from words import BAD_INPUT, done

from search.engine.first_encoder import tried_encoders
from spaces.spec import load_spec
from trainers.config import ModelConfig
from trainers.errors import InputError
from trainers.models import build_encoder

SHAPE = (1, 8, 8)  # of the digits


def tried_model(model, shape, workers=1):
    return tried_encoders(model, {}, (), shape, workers)[0]


@pytest.fixture
def weights(tmp_path):
    width = load_spec("digits").model.width
    path = tmp_path / "w.pt"
    torch.save(build_encoder(ModelConfig(encoder="small", width=width), 1, seed=3).state_dict(), path)
    return path


def test_a_search_keeps_the_whole_path_and_the_hash_of_its_file(weights, monkeypatch):
    monkeypatch.chdir(weights.parent)
    kept = tried_model(load_spec("digits", ["model.pretrained=w.pt"]).model, SHAPE)
    assert kept.pretrained.startswith(f"{weights}#sha256=")
    assert tried_model(kept, SHAPE) == kept
    weights.write_bytes(weights.read_bytes() + b"x")
    with pytest.raises(InputError, match="has changed since the search began"):
        tried_model(kept, SHAPE)


def test_a_search_without_such_a_file_stays_as_it_is():
    model = load_spec("digits").model
    assert tried_model(model, SHAPE) is model


@pytest.mark.parametrize("word", ["plan", "search"])
def test_a_file_that_cannot_be_used_is_told_before_the_first_trial(word, weights, typed, tmp_path):
    torch.save({"layer.weight": torch.zeros(3)}, weights)
    refused = typed(word, "digits", "--set", f"model.pretrained={weights}")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (BAD_INPUT, 1)
    assert "is of another encoder: it lacks" in refused.stderr
    assert not (tmp_path / "results" / "digits").exists()


def test_the_plan_of_a_search_that_begins_with_a_file_is_the_same(weights, typed):
    with_file = done(typed("plan", "digits", "--set", f"model.pretrained={weights}"))
    assert with_file == done(typed("plan", "digits"))


def test_an_encoder_of_ones_own_is_kept_with_the_hash_of_its_source(tmp_path, monkeypatch):
    write_package(tmp_path, "firstparts", monkeypatch)
    spec = load_spec(
        "digits",
        ["model.encoder=firstparts.models:build", "space.model.encoder={choice: [small, 'firstparts.models:Tiny']}"],
    )
    kept = tried_model(spec.model, SHAPE)
    assert kept.encoder.startswith("firstparts.models:build#sha256=")
    assert tried_model(kept, SHAPE) == kept
    space = tried_encoders(spec.model, spec.space, (), SHAPE, 1)[1]
    first, second = space["model.encoder"].values
    assert first == "small"
    assert second == kept.encoder.replace(":build", ":Tiny")
    assert space.keys() == spec.space.keys()


@pytest.mark.slow
def test_an_encoder_that_cannot_be_used_is_told_before_the_first_trial(tmp_path, monkeypatch, typed):
    write_package(tmp_path, "firstparts", monkeypatch)
    told = {"Wrong": "but gave [2, 5]", "nothing": "has no nothing", "Choosy": "only 224 pixels"}
    for attribute, said in told.items():
        refused = typed("search", "digits", "--set", f"model.encoder=firstparts.models:{attribute}")
        assert (refused.returncode, len(refused.stderr.splitlines())) == (BAD_INPUT, 1)
        assert said in refused.stderr


def test_workers_are_refused_where_an_encoder_cannot_share_its_statistics(tmp_path, monkeypatch, typed):
    """Each would train another network than one worker, without a word."""
    write_package(tmp_path, "firstparts", monkeypatch)
    own = ["--set", "model.encoder=firstparts.models:OneDimensional"]
    refused = typed("plan", "digits", *own, "--set", "resources.workers=2")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (BAD_INPUT, 1)
    assert "resources.workers: the encoder has a BatchNorm1d" in refused.stderr
    done(typed("plan", "digits", *own))
    done(typed("plan", "digits", "--set", "model.encoder=firstparts.models:build", "--set", "resources.workers=2"))
