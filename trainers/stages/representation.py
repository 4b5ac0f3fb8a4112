"""Stage one: the encoder and the projection head under a contrastive loss."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from trainers.compute.data_parallel import ALONE, Group
from trainers.compute.precision import full_float32
from trainers.config import ModelConfig, RepresentationConfig
from trainers.contrastive_loss import BoundLoss
from trainers.data.transforms.augment import Normaliser, draw
from trainers.errors import DivergedError
from trainers.losses.afcl import UNIT_TOLERANCE, off_unit_length
from trainers.models import Encoder, ProjectionHead, build_encoder, build_projection
from trainers.seeds import derive_seed, generator
from trainers.stages.batches import DeviceSplit, shuffled_batches
from trainers.stages.encoder_training import OnEncoder, Rows, backward, epoch_metrics, in_training, steps

LossOfRows = Callable[[Tensor], Tensor]  # takes the unit rows [N, D] of a batch, returns a scalar


@dataclass
class Representation:
    """The networks that stage one trains, and their optimiser."""

    encoder: Encoder
    projection: ProjectionHead
    optimizer: torch.optim.Optimizer
    embed: nn.Module  # encoder and head together: normalised images to unit rows
    group: Group


class _Embedding(OnEncoder):
    """The encoder and the projection head on it: normalised images [N, C, H, W] to unit rows [N, D]."""

    def forward(self, images: Tensor) -> Tensor:
        return cast(Tensor, self.head(self.encode(images)))


def new_representation(
    model: ModelConfig,
    config: RepresentationConfig,
    channels: int,
    seed: int,
    device: torch.device,
    group: Group = ALONE,
) -> Representation:
    """Fresh networks on `device`; their weights depend on the configs and the seed alone.

    The workers of `group` all call this, and train one set of weights together.
    """
    encoder = build_encoder(model, channels, derive_seed(seed, "encoder"))
    projection = build_projection(model, encoder.feature_dim, derive_seed(seed, "projection"))
    optimizer, embed = in_training(_Embedding, encoder, projection, model, config, device, group)
    return Representation(encoder, projection, optimizer, embed, group)


def train_one_epoch(
    stage: Representation,
    split: DeviceSplit,
    normalise: Normaliser,
    loss: BoundLoss,
    config: RepresentationConfig,
    epoch: int,
    seed: int,
) -> dict[str, float]:
    """Train epoch `epoch` (from 1) of stage one. Returns its metrics, see `epoch_metrics`.

    Raises DivergedError if the loss or an embedding is no longer finite.
    """
    stage.encoder.train()
    stage.projection.train()
    draws = generator(seed, "representation", epoch)
    batches = list(shuffled_batches(split.labels, config.batch_size, draws, balanced=config.balanced_batches))
    more: dict[str, Any] = {"generator": generator(seed, "loss", epoch)}
    if "class_counts" in loss.asks:
        more["class_counts"] = torch.bincount(split.labels, minlength=split.classes)
    started, seen = time.perf_counter(), 0
    total, off = torch.zeros((), device=split.device), torch.zeros((), device=split.device)
    for batch, images in steps(stage.optimizer, split, batches, config, epoch):
        labels = split.labels[batch].repeat(config.views)
        rows = Rows(images.repeat(config.views, 1, 1, 1), normalise, config.augment, draw(len(labels), draws))
        stage.optimizer.zero_grad(set_to_none=True)
        of_rows = partial(loss, labels=labels, images=batch.to(split.device).repeat(config.views), **more)
        value = backward(stage.embed, stage.group, rows, partial(_value, of_rows, off), config.chunk)
        stage.optimizer.step()
        total += value * len(batch)
        seen += len(labels)
    # read once an epoch, because reading waits for all of the device's work
    summed, furthest_off = torch.stack([total, off]).tolist()
    if not furthest_off <= UNIT_TOLERANCE:
        # a row is zeros if the norm by which it was divided is infinite: the square of an element beyond some 1e19
        # overflows float32
        raise DivergedError(f"the encoder's output, or its norm, is no longer finite at {epoch=}")
    mean_loss = summed / sum(map(len, batches))
    if not math.isfinite(mean_loss):
        raise DivergedError(f"the contrastive loss is {mean_loss} at {epoch=}")
    return epoch_metrics(mean_loss, stage.optimizer, seen, time.perf_counter() - started)


def _value(loss: LossOfRows, off: Tensor, z: Tensor) -> Tensor:
    """The loss of a batch. `off` is updated in place: the largest deviation so far of a row's squared length from 1."""
    torch.maximum(off, off_unit_length(z).to(off.dtype), out=off)
    with full_float32():
        return loss(z)
