import copy
import shutil
import sysconfig
from pathlib import Path

import pytest
import torch
from trials import changed, run

from trainers import optimizers
from trainers.config import ModelConfig, RepresentationConfig
from trainers.optimizers import load_state, representation_optimizer
from trainers.predictor import Predictor
from trainers.stages.representation import new_representation

CPU = torch.device("cpu")


def steps(optimizer, weight, count):
    for number in range(count):
        weight.grad = torch.cos(torch.arange(6.0) + number)
        optimizer.step()


def fresh(config, *, fused, monkeypatch):
    monkeypatch.setattr(optimizers, "_fused", lambda device: fused)
    weight = torch.nn.Parameter(torch.linspace(-1, 1, 6))
    return representation_optimizer([weight], config, CPU), weight


def test_only_a_gpu_has_fused_optimisers():
    assert optimizers._fused(torch.device("cuda", 0)) is True
    assert optimizers._fused(CPU) is None  # as before there was the choice: None is torch's own default


@pytest.mark.parametrize("name", ["adamw", "sgd"])
@pytest.mark.parametrize("fused_first", [True, False])
def test_an_optimisers_state_goes_over_between_fused_and_plain(name, fused_first, monkeypatch):
    """torch has fused kernels for the CPU too: they stand in for those of a GPU."""
    config = RepresentationConfig(optimizer=name, lr=0.1)
    straight, expected = fresh(config, fused=None, monkeypatch=monkeypatch)
    steps(straight, expected, 2)
    before = expected.detach().clone()
    state = copy.deepcopy(straight.state_dict())
    steps(straight, expected, 3)

    first, weight = fresh(config, fused=True if fused_first else None, monkeypatch=monkeypatch)
    steps(first, weight, 2)
    second, other = fresh(config, fused=None if fused_first else True, monkeypatch=monkeypatch)
    load_state(second, first.state_dict() if fused_first else state)
    assert second.param_groups[0]["fused"] is (None if fused_first else True)
    other.data.copy_(before)
    for number in range(3):
        other.grad = torch.cos(torch.arange(6.0) + number)
        second.step()
    torch.testing.assert_close(other, expected)


@pytest.fixture
def compiled(monkeypatch):
    """A stand-in for torch.compile, which takes a minute here: what it was asked for, and what passed through."""
    asked, passed = [], []

    def compile_(module, **options):
        asked.append(options)
        return lambda images: passed.append(len(images)) or module(images)

    monkeypatch.setattr(torch, "compile", compile_)
    monkeypatch.setattr(torch.compiler, "reset", lambda: asked.append("reset"))
    return asked, passed


@pytest.mark.slow
def test_a_compiled_encoder_trains_and_its_checkpoints_are_those_of_a_plain_one(whole, tiny_config, digits, compiled):
    config = changed(tiny_config, model={"compile": True})
    told, saved, _ = run(config, digits)
    asked, passed = compiled
    assert asked == ["reset", {"dynamic": False}]  # before: what an earlier trial of the worker compiled is forgotten
    assert sum(passed) == 2 * len(digits.train) * config.representation.epochs  # both views; no probe, no feature
    assert told == whole[0]
    last = saved[config.last_epoch]
    assert list(last.encoder) == list(whole[1][config.last_epoch].encoder)
    assert run(config, digits, resume=saved[2])[0] == told[1:]
    asked.clear()
    Predictor(last)
    assert not asked


def test_nothing_is_compiled_unless_asked_for(compiled):
    new_representation(ModelConfig(), RepresentationConfig(), 1, 0, CPU)
    assert compiled == ([], [])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated")  # PyTorch 2.11 warns of its own use
@pytest.mark.skipif(
    shutil.which("g++") is None or not Path(sysconfig.get_path("include"), "Python.h").exists(),
    reason="torch.compile needs a compiler here: apt-get install g++ python3-dev",
)
def test_torch_itself_compiles_an_encoder_that_computes_the_same_and_trains_the_encoders_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TORCHINDUCTOR_COMPILE_THREADS", "1")
    stage = new_representation(ModelConfig(width=4, compile=True), RepresentationConfig(), 1, 0, CPU)
    images = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = stage.projection(copy.deepcopy(stage.encoder)(images))
    z = stage.embed(images)
    torch.testing.assert_close(z, expected, rtol=1e-4, atol=1e-5)
    z.sum().backward()
    assert all(parameter.grad is not None for parameter in stage.encoder.parameters())
    assert not any("_orig_mod" in name for name in stage.encoder.state_dict())
