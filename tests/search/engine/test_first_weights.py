"""The file that encoders begin with, before the first trial. See search.engine.first_weights."""

import pytest
import torch
from words import BAD_INPUT, done

from search.engine.first_weights import with_first_weights
from spaces.spec import load_spec
from trainers.config import ModelConfig
from trainers.errors import InputError
from trainers.models import build_encoder


@pytest.fixture
def weights(tmp_path):
    width = load_spec("digits").model.width
    path = tmp_path / "w.pt"
    torch.save(build_encoder(ModelConfig(encoder="small", width=width), 1, seed=3).state_dict(), path)
    return path


def test_a_search_keeps_the_whole_path_and_the_hash_of_its_file(weights, monkeypatch):
    monkeypatch.chdir(weights.parent)
    kept = with_first_weights(load_spec("digits", ["model.pretrained=w.pt"]).model, 1)
    assert kept.pretrained.startswith(f"{weights}#sha256=")
    assert with_first_weights(kept, 1) == kept
    weights.write_bytes(weights.read_bytes() + b"x")
    with pytest.raises(InputError, match="is another file than the search began with"):
        with_first_weights(kept, 1)


def test_a_search_without_such_a_file_stays_as_it_is():
    model = load_spec("digits").model
    assert with_first_weights(model, 1) is model


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
