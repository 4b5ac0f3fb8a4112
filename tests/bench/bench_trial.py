"""A whole trial against its encoder's compute alone: what loss, augmentation, probe, classifier and checkpoints add."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from measure import Row, Say, folder_on_disk, in_turns, rows_of, where

from spaces.spec import SearchSpec, load_spec
from trainers.checkpoint import save_checkpoint
from trainers.compute.precision import has_fast_bfloat16
from trainers.config import TrialConfig
from trainers.data import TrialData, load
from trainers.errors import EnvironmentProblem
from trainers.models import build_encoder
from trainers.pipeline import run_trial
from trainers.stages.classifier import FEATURE_BATCH

SHORT = [
    "representation.epochs=4",
    "classifier.solver=adamw",
    "classifier.epochs=5",
]  # 16 and 20, the demo's with AdamW, in the same proportion
FEW = [
    "data.train_size=400",
    "data.val_per_class=50",
    "representation.epochs=1",
    "classifier.solver=adamw",
    "classifier.epochs=2",
    "search.scheduler.grace=1",
]
ENCODERS = {  # what is changed in the demo, seconds to spend on it, and how many runs of each side at least
    "small, width 8": (SHORT, 12.0, 5),
    "small, width 16": ([*SHORT, "model.width=16"], 12.0, 5),
    "ResNet-18": ([*FEW, "model.encoder=resnet18"], 0.0, 3),
}


def rows(say: Say) -> Iterator[Row]:
    """Whole trials against the passes in them."""
    for encoder, (changes, seconds, runs) in ENCODERS.items():
        spec, data = demo(changes)
        config, shape = spec.base, "×".join(map(str, data.train.images.shape[1:]))
        stages = f"{config.representation.epochs}+{config.classifier.epochs} epochs"
        what = f"trial, {encoder}, {shape}, {len(data.train.labels)} images, {stages}"
        say(what)
        with folder_on_disk() as folder:
            sides = {
                "ours": whole_trial(config, data, folder),
                "its encoder passes alone": encoder_alone(config, data),
            }
            yield from rows_of("trial", what, in_turns(sides, seconds, at_least=runs))


def demo(changes: Sequence[str] = SHORT, name: str | None = None) -> tuple[SearchSpec, TrialData]:
    """The demo search, shortened or otherwise changed, on Fashion-MNIST if that is here and else on digits."""
    try:
        spec = load_spec("demo", changes, name=name)
        return spec, load(spec.data)
    except EnvironmentProblem:
        # of the few digits no other number of images can be had
        spec = load_spec("digits", [change for change in changes if not change.startswith("data.")], name=name)
        return spec, load(spec.data)


def whole_trial(config: TrialConfig, data: TrialData, folder: Path) -> Callable[[], object]:
    """As a worker runs it: a checkpoint at each epoch, before its report."""

    def run() -> None:
        for old in folder.glob("*.pt"):
            old.unlink()  # nothing is resumed here
        run_trial(config, data, lambda *_: None, save=lambda one: save_checkpoint(one, folder), device=where())

    return run


def encoder_alone(config: TrialConfig, data: TrialData) -> Callable[[], object]:
    """The same count of forward and backward passes on the same sizes of batch, of floats already in memory.

    Training batches for stage one; the probe's features of both splits at each of its epochs, and once more for
    stage two.
    """
    stage, channels = config.representation, data.train.images.shape[1]
    encoder = build_encoder(config.model, channels, seed=0).to(where()).to(memory_format=torch.channels_last)
    train, validation = (_floats(split.images) for split in (data.train, data.validation))
    views = train.repeat(stage.views, 1, 1, 1)
    batches = [
        batch.contiguous(memory_format=torch.channels_last)
        for batch in views.tensor_split(math.ceil(len(train) / stage.batch_size))
    ]
    gradients = [torch.ones(len(batch), encoder.feature_dim, device=where()) / batch.numel() for batch in batches]
    mixed = torch.autocast(where().type, torch.bfloat16, enabled=has_fast_bfloat16(where()))  # as trials compute there
    chunks = [*train.split(FEATURE_BATCH), *validation.split(FEATURE_BATCH)]

    def features() -> None:
        encoder.eval()
        with torch.no_grad(), mixed:
            for chunk in chunks:
                encoder(chunk)

    def run() -> None:
        for _ in range(stage.epochs):
            encoder.train()
            for batch, gradient in zip(batches, gradients, strict=True):
                encoder.zero_grad(set_to_none=True)
                with mixed:
                    features_of_batch = encoder(batch)
                features_of_batch.float().backward(gradient)
            features()
        features()

    return run


def _floats(images) -> torch.Tensor:
    return (torch.tensor(images, device=where()) / 255).contiguous(memory_format=torch.channels_last)
