"""An encoder of a user's own. See trainers.own_encoder."""

import pytest
import torch
from own_package import write_package

from trainers.config import ModelConfig, TrialConfig
from trainers.errors import InputError
from trainers.models import build_encoder
from trainers.own_encoder import try_encoder
from trainers.own_parts import metadata
from trainers.parsing import parse
from trainers.pipeline import run_trial

SHAPE = (1, 8, 8)


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    return write_package(tmp_path, "ownencoders", monkeypatch)


def built(attribute, seed=0, **more):
    return build_encoder(ModelConfig(encoder=f"ownencoders.models:{attribute}", **more), 1, seed)


@pytest.mark.parametrize("attribute", ["build", "Tiny"])
def test_a_function_or_a_class_of_the_channels_gives_the_encoder(attribute):
    encoder = built(attribute)
    try_encoder("ownencoders.models:build", encoder, SHAPE)
    assert encoder(torch.zeros(3, *SHAPE)).shape == (3, 12)


def test_its_weights_are_drawn_from_the_seed_alone():
    one, same, other = (built("build", seed).state_dict()["net.layers.2.weight"] for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_trial_trains_with_it_from_begin_to_end(tiny_config, digits):
    values = tiny_config.model_dump(mode="json")
    config = parse(TrialConfig, values | {"model": values["model"] | {"encoder": "ownencoders.models:build"}})
    kept = []
    result = run_trial(config, digits, lambda *_: None, save=kept.append)
    assert 0 <= result.metrics["val_balanced_accuracy"] <= 1
    assert kept[-1].encoder["net.layers.2.weight"].shape == (12, 16)


@pytest.mark.parametrize(
    ("attribute", "said"),
    [
        ("raises", r"ownencoders\.models:raises\(1\) raises RuntimeError: out of ideas"),
        ("no_module", "must return a torch.nn.Module, but gave int"),
        ("no_dim", "needs feature_dim, a whole number"),
        ("Wrong", r"must map 2 images to features of \[2, feature_dim = 12\], but gave \[2, 5\]"),
        ("Endless", "gives features that are not finite"),
        ("Choosy", r"cannot take images of \[1, 8, 8\]: it raises ValueError: only 224 pixels"),
        ("Frozen", "has nothing to train"),
        ("Keeper", "may contain only tensors, but .*extra_state is not a tensor"),
    ],
)
def test_what_is_no_encoder_is_told_in_one_line(attribute, said):
    with pytest.raises(InputError, match=said) as refused:
        try_encoder(f"ownencoders.models:{attribute}", built(attribute), SHAPE)
    assert len(str(refused.value).splitlines()) == 1


def test_a_registered_name_means_its_import_path(monkeypatch):
    entry = metadata.EntryPoint("tiny", "ownencoders.models:build", "afcl.encoders")
    monkeypatch.setattr(metadata, "entry_points", lambda group, name="tiny": [entry] if name == "tiny" else [])
    assert ModelConfig(encoder="tiny").encoder == "ownencoders.models:build"
    with pytest.raises(ValueError, match="resnet152, tiny, timm:NAME, or a path"):
        ModelConfig(encoder="tinny")


def test_downloaded_weights_are_for_encoders_that_have_some():
    with pytest.raises(ValueError, match="needs a resnet encoder"):
        ModelConfig(encoder="ownencoders.models:build", pretrained=True)
