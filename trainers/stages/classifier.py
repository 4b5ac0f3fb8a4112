"""Stage two: features of the frozen encoder, and the linear classifier that AdamW trains on them (`solver: adamw`)."""

import math
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from trainers.compute.data_parallel import ALONE, Group
from trainers.compute.data_residency import fetched
from trainers.compute.devices import image_format
from trainers.compute.precision import encoding
from trainers.config import AugmentConfig, ClassifierConfig, RepresentationConfig
from trainers.data.transforms.augment import Normaliser, change, draw, unit
from trainers.errors import DivergedError
from trainers.losses.focal import focal_loss
from trainers.models import Encoder, LinearClassifier
from trainers.optimizers import adamw
from trainers.seeds import generator
from trainers.stages.batches import DeviceSplit, class_weights, shuffled_batches
from trainers.stages.encoder_training import lr_factor

FEATURE_BATCH = 512  # images; fixed on a CPU, because another size could round the features differently


def images_at_once(config: RepresentationConfig, device: torch.device) -> int:
    """How many images `encode` takes at a time: FEATURE_BATCH, but on a CUDA GPU no more than stage one trains at once.

    So if a trial's training fits into the GPU's memory, computing its features fits as well.
    """
    if device.type != "cuda":
        return FEATURE_BATCH
    return min(FEATURE_BATCH, config.chunk or FEATURE_BATCH, config.views * config.batch_size)


@torch.no_grad()
def encode(
    encoder: Encoder,
    images: Tensor,
    normalise: Normaliser,
    augmentation: AugmentConfig | None = None,
    draws: torch.Generator | None = None,
    rows: Tensor | None = None,
    group: Group = ALONE,
    at_once: int = FEATURE_BATCH,
) -> Tensor:
    """Features [N, feature_dim] float32 of uint8 images [N, C, H, W], the encoder in eval mode and without gradient.

    The images may be on the host; the computation is on the normaliser's device. With `augmentation` and `draws` the
    images are augmented first. `rows` are the indices of the wanted images, None for all. The workers of `group` call
    this together: each encodes its share, and every worker gets the features of all wanted images. `at_once` is the
    number of images in a pass, see `images_at_once`.
    """
    encoder.eval()
    device = normalise.mean.device
    wanted = len(images) if rows is None else len(rows)
    picks = _picks(wanted, at_once)
    # the draws are those that a single worker would use for these images
    chances = [draw(pick.stop - pick.start, draws) for pick in picks] if draws is not None else [None] * len(picks)
    own = group.share(len(picks))
    features = [torch.empty(0, encoder.feature_dim, device=device)]
    chunks = fetched(images, [pick if rows is None else rows[pick] for pick in picks[own]], device)
    for chunk, chance in zip(chunks, chances[own], strict=True):
        floats = unit(chunk) if augmentation is None or chance is None else change(chunk, augmentation, chance)
        floats = normalise(floats).contiguous(memory_format=image_format(device))
        with encoding(device):
            features.append(encoder(floats).float())
    sizes = [sum(pick.stop - pick.start for pick in picks[share]) for share in group.shares(len(picks))]
    return group.gather(torch.cat(features), sizes)


def _picks(images: int, at_once: int) -> list[slice]:
    return [slice(start, min(start + at_once, images)) for start in range(0, images, at_once)]


def new_classifier(
    features: Tensor, classes: int, config: ClassifierConfig
) -> tuple[LinearClassifier, torch.optim.Optimizer]:
    """A classifier with zero weights, standardised by training features [N, feature_dim], and its optimiser."""
    classifier = LinearClassifier(features.shape[1], classes).to(features.device)
    classifier.standardise_by(features)
    return classifier, adamw(classifier.parameters(), config.lr, config.weight_decay, features.device)


def train_one_epoch(
    classifier: LinearClassifier,
    optimizer: torch.optim.Optimizer,
    features: Tensor,
    split: DeviceSplit,
    config: ClassifierConfig,
    epoch: int,
    seed: int,
) -> dict[str, float]:
    """Train epoch `epoch` (from 1) of stage two. Returns its metrics by name.

    features: [N, feature_dim], of the images of `split`. Raises DivergedError if the loss is no longer finite.
    """
    weights = class_weights(split.labels, split.classes) if config.class_weight == "balanced" else None
    loss_of: Callable[[Tensor, Tensor, Tensor | None], Tensor] = functional.cross_entropy
    if config.loss == "focal":
        loss_of = partial(focal_loss, gamma=config.focal_gamma)
    started, total = time.perf_counter(), torch.zeros((), device=features.device)
    batches = list(shuffled_batches(split.labels, config.batch_size, generator(seed, "classifier", epoch)))
    for number, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = config.lr * lr_factor(epoch - 1 + number / len(batches), 0, config.epochs)
        loss = loss_of(classifier(features[batch]), split.labels[batch], weights)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(batch)
    mean_loss = total.item() / len(features)
    if not math.isfinite(mean_loss):
        raise DivergedError(f"the classifier's loss is {mean_loss} at its {epoch=}")
    seconds = time.perf_counter() - started
    return {
        "train_loss": mean_loss,
        "lr": optimizer.param_groups[0]["lr"],
        "images_per_second": len(features) / seconds,
        "epoch_seconds": seconds,
    }
