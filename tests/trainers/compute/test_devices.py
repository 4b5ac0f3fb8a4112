"""Which device is chosen, and what is done without on Apple's GPU: shown on a stand-in, as no test machine has one."""

import pytest
import torch
from apples_gpu import MPS, OnMPS, apples_gpu
from torch.nn import functional
from trials import CLOCKS, changed

from trainers import pipeline
from trainers.checkpoint import load_checkpoint, save_checkpoint
from trainers.compute import devices
from trainers.compute.data_parallel import Group
from trainers.config import AugmentConfig, TrialConfig
from trainers.data.transforms.augment import change, draw
from trainers.errors import InputError, OutOfMemory
from trainers.parsing import parse
from trainers.pipeline import run_trial
from trainers.predictor import Predictor
from trainers.stages import logistic


@pytest.fixture
def machine(monkeypatch):
    """Says how many CUDA GPUs a machine has, and whether it has Apple's."""

    def has(cuda: int, mps: bool) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return has


@pytest.mark.parametrize(
    ("cuda", "mps", "best", "count"),
    [(0, False, "cpu", 0), (0, True, "mps", 1), (2, False, "cuda", 2), (2, True, "cuda", 2)],
)
def test_apples_gpu_is_taken_where_there_is_none_with_cuda(cuda, mps, best, count, machine):
    machine(cuda, mps)
    assert devices.best_device().type == best
    assert devices.gpu_count() == count


def configs(tiny_config):
    """A trial of each kind of stage two, and one of one stage."""
    short = tiny_config.representation.model_copy(update={"epochs": 2})
    one_stage = parse(TrialConfig, {"data": tiny_config.data.model_dump(), "loss": {"name": "focal"}})
    return {
        "lbfgs": tiny_config.model_copy(update={"representation": short, "classifier": TrialConfig().classifier}),
        "tuned": changed(
            tiny_config,
            representation={"epochs": 1},
            classifier={"epochs": 1, "fine_tune": True, "fine_tune_epochs": 1},
        ),
        "one stage": one_stage.model_copy(update={"model": tiny_config.model, "representation": short}),
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["lbfgs", *(pytest.param(one, marks=pytest.mark.slow) for one in ("tuned", "one stage"))]
)
def test_a_trial_asks_apples_gpu_for_nothing_that_it_lacks(kind, tiny_config, digits, tmp_path, monkeypatch):
    """No float64, no pinned memory, no tensor of the host among its own: the stand-in would refuse them."""
    monkeypatch.setattr(logistic, "ON_THE_HOST", 0)
    config, told, saved = configs(tiny_config)[kind], {}, []
    expected = run_trial(config, digits, lambda *_: None)
    with apples_gpu() as mps:
        result = run_trial(config, digits, lambda step, metrics: told.update(metrics), save=saved.append, device=mps)
        assert result.device == "mps:0"
        predictor = Predictor(saved[-1], mps)
        images = torch.from_numpy(digits.validation.images.copy()).to(mps)
        assert isinstance(predictor(images), OnMPS)
        probabilities = predictor.probabilities(images)
    assert (probabilities.dtype, type(probabilities)) == (torch.float64, torch.Tensor)
    assert result.score == pytest.approx(expected.score, abs=0.05)
    for name, value in expected.metrics.items():
        if name.startswith("train_loss") and not name.endswith(CLOCKS):
            assert told[name] == pytest.approx(value, rel=1e-2)
    path = save_checkpoint(saved[-1], tmp_path)  # which a machine without that GPU loads
    assert not any(isinstance(value, OnMPS) for value in load_checkpoint(path).encoder.values())


def test_what_apples_gpu_does_not_have_is_refused_before_a_trial_begins(tiny_config, digits):
    with pytest.raises(InputError, match=r"^model\.compile: .*Apple's GPU \(mps\); set it to false"):
        run_trial(changed(tiny_config, model={"compile": True}), digits, lambda *_: None, device=torch.device("mps"))
    with pytest.raises(InputError, match=r"^resources\.workers: .* has one worker"):
        run_trial(tiny_config, digits, lambda *_: None, device=torch.device("mps"), group=Group(0, 2))


def test_a_full_memory_of_apples_gpu_is_told_as_one(tiny_config, digits, monkeypatch):
    def fill(*_):
        raise RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)\nmore")

    monkeypatch.setattr(pipeline, "_run", fill)
    with pytest.raises(OutOfMemory, match=r"9 GB\); take a smaller representation.batch_size or chunk"):
        run_trial(tiny_config, digits, lambda *_: None, device=torch.device("mps"))
    with pytest.raises(RuntimeError, match="more"):
        run_trial(tiny_config, digits, lambda *_: None)


def test_what_apples_gpu_cannot_resample_is_resampled_on_the_host(monkeypatch):
    real = functional.grid_sample

    def refuse(images, *given, **how):
        if isinstance(images, OnMPS):
            raise RuntimeError("MPS: Unsupported Border padding mode")
        return real(images, *given, **how)

    images, chances = torch.rand(4, 3, 8, 8), draw(4, torch.Generator().manual_seed(0))
    config = AugmentConfig(saturation=0.5, hue=0.2)
    expected = change(images, config, chances)
    monkeypatch.setattr(functional, "grid_sample", refuse)
    devices.can_sample.cache_clear()
    with apples_gpu() as mps:
        changed_there = change(images.to(mps), config, chances)
        assert changed_there.device == MPS
    devices.can_sample.cache_clear()
    torch.testing.assert_close(changed_there.cpu(), expected)
