"""Stage one: the encoder and the projection head under a contrastive loss."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.arithmetic import full_float32
from trainers.batches import DeviceSplit, shuffled_batches
from trainers.config import ModelConfig, RepresentationConfig
from trainers.data.augment import Normaliser, augment
from trainers.errors import DivergedError, InputError
from trainers.models import ProjectionHead, ResNetEncoder, SmallEncoder, build_encoder, build_projection
from trainers.residence import fetched
from trainers.seeds import derive_seed, generator

Encoder = SmallEncoder | ResNetEncoder
ContrastiveLoss = Callable[[Tensor, Tensor], Tensor]  # unit rows [N, D] and labels [N] to a scalar


@dataclass
class Representation:
    """What stage one trains, and its optimiser."""

    encoder: Encoder
    projection: ProjectionHead
    optimizer: torch.optim.Optimizer


def new_representation(
    model: ModelConfig, config: RepresentationConfig, channels: int, seed: int, device: torch.device
) -> Representation:
    """Fresh networks on `device`; their weights depend on the configs and the seed alone."""
    encoder = build_encoder(model, channels, derive_seed(seed, "encoder"))
    projection = build_projection(model, encoder.feature_dim, derive_seed(seed, "projection"))
    encoder.to(device).to(memory_format=torch.channels_last)
    projection.to(device)
    parameters = [*encoder.parameters(), *projection.parameters()]
    if config.optimizer == "sgd":
        optimizer: torch.optim.Optimizer = torch.optim.SGD(
            parameters, config.lr, momentum=config.momentum, weight_decay=config.weight_decay
        )
    else:
        optimizer = torch.optim.AdamW(parameters, config.lr, weight_decay=config.weight_decay)
    return Representation(encoder, projection, optimizer)


def train_one_epoch(
    stage: Representation,
    split: DeviceSplit,
    normalise: Normaliser,
    loss: ContrastiveLoss,
    config: RepresentationConfig,
    epoch: int,
    seed: int,
) -> dict[str, float]:
    """Epoch `epoch` (from 1) of stage one. Raises DivergedError when the loss is no longer finite."""
    stage.encoder.train()
    stage.projection.train()
    draws = generator(seed, "representation", epoch)
    batches = list(shuffled_batches(split.labels, config.batch_size, draws, balanced=config.balanced_batches))
    started, total, rows = time.perf_counter(), torch.zeros((), device=split.device), 0
    pixels = fetched(split.images, batches, split.device)
    for number, (batch, images) in enumerate(zip(batches, pixels, strict=True)):
        progress = epoch - 1 + number / len(batches)
        for group in stage.optimizer.param_groups:
            group["lr"] = config.lr * lr_factor(progress, config.warmup_epochs, config.epochs)
        images = images.repeat(config.views, 1, 1, 1)
        images = normalise(augment(images.float() / 255, config.augment, draws))
        value = _loss_of(stage, images, split.labels[batch].repeat(config.views), loss, epoch)
        stage.optimizer.zero_grad(set_to_none=True)
        value.backward()
        stage.optimizer.step()
        total += value.detach() * len(batch)
        rows += len(images)
    mean_loss = total.item() / sum(map(len, batches))
    if not math.isfinite(mean_loss):
        raise DivergedError(f"the contrastive loss is {mean_loss} at {epoch=}")
    seconds = time.perf_counter() - started
    return {
        "train_loss": mean_loss,
        "lr": stage.optimizer.param_groups[0]["lr"],
        "images_per_second": rows / seconds,
        "epoch_seconds": seconds,
    }


def _loss_of(stage: Representation, images: Tensor, labels: Tensor, loss: ContrastiveLoss, epoch: int) -> Tensor:
    device = images.device.type
    images = images.contiguous(memory_format=torch.channels_last)
    with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
        z = stage.projection(stage.encoder(images))
    try:
        with full_float32():
            return loss(z, labels)
    except InputError:
        if torch.isfinite(z).all():
            raise
        raise DivergedError(f"the encoder's output is no longer finite at {epoch=}") from None


def lr_factor(progress: float, warmup_epochs: int, epochs: int) -> float:
    """Share of the peak learning rate after `progress` epochs: linear warm-up, then a cosine to 0.

    Loshchilov & Hutter 2017 (arXiv 1608.03983), one cycle without restarts.
    """
    if progress < warmup_epochs:
        return (progress + 1) / (warmup_epochs + 1)
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup_epochs) / (epochs - warmup_epochs)))
