"""An encoder of timm. See trainers.timm_encoder."""

import sys

import pytest
import torch

from trainers.config import ModelConfig
from trainers.errors import EnvironmentProblem, InputError
from trainers.models import build_encoder
from trainers.own_encoder import try_encoder


@pytest.mark.slow
def test_a_model_of_timm_gives_its_features_and_its_weights_fit_a_file(tmp_path):
    config = ModelConfig(encoder="timm:resnet10t")
    encoder = build_encoder(config, 1, seed=0)
    try_encoder(config.encoder, encoder, (1, 32, 32))
    assert encoder(torch.zeros(2, 1, 32, 32)).shape == (2, encoder.feature_dim)
    torch.save(build_encoder(config, 1, seed=7).net.state_dict(), tmp_path / "w.pt")
    again = build_encoder(config.model_copy(update={"pretrained": str(tmp_path / "w.pt")}), 1, seed=0)
    assert torch.equal(again.net.conv1[0].weight, build_encoder(config, 1, seed=7).net.conv1[0].weight)


@pytest.mark.slow
def test_a_name_that_timm_does_not_know_is_told():
    with pytest.raises(InputError, match=r"timm has no model resnet10x; did you mean resnet"):
        build_encoder(ModelConfig(encoder="timm:resnet10x"), 1, seed=0)


def test_what_is_not_installed_is_told_with_what_mends_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(EnvironmentProblem, match=r"timm:resnet10t needs timm; install it with: pip install"):
        build_encoder(ModelConfig(encoder="timm:resnet10t"), 1, seed=0)
