import os

import pytest
import torch
from trials import changed, run

from trainers import pipeline
from trainers.compute import precision
from trainers.compute.precision import arithmetic, full_float32, has_fast_bfloat16
from trainers.config import AugmentConfig
from trainers.data.transforms import augment
from trainers.losses import afcl
from trainers.models import SmallEncoder


def flags():
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cudnn.allow_tf32,
    )


def seen_by(monkeypatch, module, name):
    """What the flags are whenever a function is called."""
    seen, original = [], getattr(module, name)

    def spy(*arguments, **named):
        seen.append(flags())
        return original(*arguments, **named)

    monkeypatch.setattr(module, name, spy)
    return seen


@pytest.fixture(params=[(False, False, True), (False, True, False)])
def before(request):
    """The process's own flags, of either kind."""
    _, torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = request.param
    yield request.param
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = False, True


@pytest.mark.parametrize("deterministic", [False, True])
def test_a_trial_sets_its_flags_and_leaves_those_of_the_process(
    before, deterministic, tiny_config, digits, monkeypatch
):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    config = changed(tiny_config, deterministic=deterministic, representation={"epochs": 1}, classifier={"epochs": 1})
    seen = seen_by(monkeypatch, pipeline.stage_two, "encode")
    run(config, digits)
    assert set(seen) == {(deterministic, not deterministic, not deterministic)}
    assert flags() == before
    assert ("CUBLAS_WORKSPACE_CONFIG" in os.environ) == deterministic
    os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)


def test_the_flags_come_back_after_a_trial_that_was_ended(before):
    with pytest.raises(SystemExit), arithmetic(deterministic=True):
        raise SystemExit
    assert flags() == before
    os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)


def test_the_loss_and_the_changes_of_images_are_computed_in_full_float32(tiny_config, digits, monkeypatch):
    inside = seen_by(monkeypatch, afcl, "loss_in_blocks")
    coloured = seen_by(monkeypatch, augment, "relight")
    run(changed(tiny_config, representation={"epochs": 1}, classifier={"epochs": 1}), digits)
    assert set(inside) == set(coloured) == {(False, False, False)}


def test_full_float32_ends_where_it_ends():
    with arithmetic(deterministic=False):
        with full_float32():
            assert flags() == (False, False, False)
        assert flags() == (False, True, True)


def test_augmentation_by_itself_needs_no_trial_around_it():
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    before = flags()
    augment.augment(images, AugmentConfig(), torch.Generator())
    assert flags() == before


@pytest.mark.parametrize(
    ("capability", "fast"), [((7, 0), False), ((7, 5), False), ((8, 0), True), ((8, 6), True), ((12, 0), True)]
)
def test_gpus_before_ampere_have_no_fast_bfloat16(capability, fast, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert has_fast_bfloat16(torch.device("cuda", 0)) is fast
    assert not has_fast_bfloat16(torch.device("cpu"))


@pytest.mark.parametrize("fast", [True, False])
def test_the_encoder_computes_in_bfloat16_where_that_is_fast_in_both_stages(fast, tiny_config, digits, monkeypatch):
    monkeypatch.setattr(precision, "has_fast_bfloat16", lambda device: fast)
    seen, forward = set(), SmallEncoder.forward

    def spy(encoder, images):
        seen.add((encoder.training, torch.is_autocast_enabled("cpu")))
        return forward(encoder, images)

    monkeypatch.setattr(SmallEncoder, "forward", spy)
    run(changed(tiny_config, representation={"epochs": 1}, classifier={"epochs": 1}), digits)
    assert seen == {(True, fast), (False, fast)}
