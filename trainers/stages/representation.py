"""Stage one: the encoder and the projection head under a contrastive loss."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from trainers.compute.batch_norm import synchronise
from trainers.compute.data_parallel import ALONE, Group
from trainers.compute.data_residency import fetched
from trainers.compute.grad_cache import backward_in_chunks
from trainers.compute.precision import full_float32, has_fast_bfloat16
from trainers.compute.torch_compat import share_gradients
from trainers.config import AugmentConfig, ModelConfig, RepresentationConfig
from trainers.data.transforms.augment import Normaliser, change, draw
from trainers.errors import DivergedError
from trainers.loss_config import LossConfig
from trainers.losses.afcl import UNIT_TOLERANCE, asymmetric_focal_contrastive_loss, off_unit_length
from trainers.models import ProjectionHead, ResNetEncoder, SmallEncoder, build_encoder, build_projection
from trainers.optimizers import representation_optimizer
from trainers.seeds import derive_seed, generator
from trainers.stages.batches import DeviceSplit, shuffled_batches

Encoder = SmallEncoder | ResNetEncoder
ContrastiveLoss = Callable[[Tensor, Tensor], Tensor]  # unit rows [N, D] and labels [N] to a scalar


@dataclass
class Representation:
    """What stage one trains, and its optimiser."""

    encoder: Encoder
    projection: ProjectionHead
    optimizer: torch.optim.Optimizer
    embed: nn.Module  # both of them in training: normalised images to unit rows
    group: Group


class _Embedding(nn.Module):
    """The encoder, compiled where the config says so, and the projection head on it."""

    def __init__(self, encoder: Encoder, projection: ProjectionHead, compile_it: bool) -> None:
        super().__init__()
        self.encoder, self.projection = encoder, projection
        self._encode = compiled(encoder) if compile_it else encoder.__call__

    def forward(self, images: Tensor) -> Tensor:
        return cast(Tensor, self.projection(self._encode(images)))


def new_representation(
    model: ModelConfig,
    config: RepresentationConfig,
    channels: int,
    seed: int,
    device: torch.device,
    group: Group = ALONE,
) -> Representation:
    """Fresh networks on `device`; their weights depend on the configs and the seed alone.

    group: the workers of the trial, each of which calls this, to train one set of weights together.
    """
    encoder = build_encoder(model, channels, derive_seed(seed, "encoder"))
    projection = build_projection(model, encoder.feature_dim, derive_seed(seed, "projection"))
    encoder.to(device).to(memory_format=torch.channels_last)
    projection.to(device)
    optimizer = representation_optimizer([*encoder.parameters(), *projection.parameters()], config, device)
    synchronise(encoder, group, device)
    embed: nn.Module = _Embedding(encoder, projection, model.compile)
    if group.size > 1:
        embed = share_gradients(embed)
    return Representation(encoder, projection, optimizer, embed, group)


def compiled(encoder: Encoder) -> Callable[[Tensor], Tensor]:
    """The encoder through torch.compile. Its weights are the encoder's, whose names stay plain.

    Compiled for each size of batch that comes, not for the first and then for any: what a size computes may not depend
    on the sizes before it, or a resumed trial would differ.
    """
    torch.compiler.reset()  # a worker's trials before this one count towards the limit at which torch stops compiling
    return cast(Callable[[Tensor], Tensor], torch.compile(encoder, dynamic=False))


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
    started, seen = time.perf_counter(), 0
    total, off = torch.zeros((), device=split.device), torch.zeros((), device=split.device)
    pixels = fetched(split.images, batches, split.device)
    for number, (batch, images) in enumerate(zip(batches, pixels, strict=True)):
        progress = epoch - 1 + number / len(batches)
        for group in stage.optimizer.param_groups:
            group["lr"] = config.lr * lr_factor(progress, config.warmup_epochs, config.epochs)
        labels = split.labels[batch].repeat(config.views)
        rows = Rows(images.repeat(config.views, 1, 1, 1), normalise, config.augment, draw(len(labels), draws))
        stage.optimizer.zero_grad(set_to_none=True)
        value = backward(stage.embed, stage.group, rows, partial(_value, loss, labels, off), config.chunk)
        stage.optimizer.step()
        total += value * len(batch)
        seen += len(labels)
    # read once an epoch: each reading waits for all the device's work
    summed, furthest_off = torch.stack([total, off]).tolist()
    if not furthest_off <= UNIT_TOLERANCE:
        # a row of zeros is one whose norm overflowed: the squares of elements beyond some 1e19 are infinite in float32
        raise DivergedError(f"the encoder's output is no longer finite, or its norm is not, at {epoch=}")
    mean_loss = summed / sum(map(len, batches))
    if not math.isfinite(mean_loss):
        raise DivergedError(f"the contrastive loss is {mean_loss} at {epoch=}")
    seconds = time.perf_counter() - started
    return {
        "train_loss": mean_loss,
        "lr": stage.optimizer.param_groups[0]["lr"],
        "images_per_second": seen / seconds,
        "epoch_seconds": seconds,
    }


@dataclass(frozen=True)
class Rows:
    """The rows of a batch, of every view: [R, C, H, W] uint8 and the draws by which each is changed."""

    pixels: Tensor
    normalise: Normaliser
    augmentation: AugmentConfig
    draws: Tensor

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, part: slice) -> Tensor:
        """Some of them as the encoder takes them; the same each time."""
        changed = change(self.pixels[part], self.augmentation, self.draws[:, part])
        return self.normalise(changed).contiguous(memory_format=torch.channels_last)


def backward(
    network: nn.Module, group: Group, rows: Rows, value: Callable[[Tensor], Tensor], chunk: int | None
) -> Tensor:
    """Put the gradient of one batch on a network's parameters and return the loss, detached.

    network: normalised images to rows of numbers. group: the workers that train it together. value: the loss of the
    whole batch, of what the network makes of its rows. chunk: rows on the device at once; None: all.
    """
    device = rows.pixels.device

    def embed(part: slice) -> Tensor:
        start, end, _ = part.indices(len(rows))
        own = group.share(end - start)
        images = rows[slice(start + own.start, start + own.stop)]  # in float32
        # a context of its own each time: autocast would hand weights cast without gradient to a pass that needs one
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_fast_bfloat16(device)):
            z = network(images)
        return group.gather(z, [share.stop - share.start for share in group.shares(end - start)])

    if chunk is not None and chunk < len(rows):
        return backward_in_chunks(embed, len(rows), chunk, value, network)
    loss = value(embed(slice(None)))
    loss.backward()
    return loss.detach()


def _value(loss: ContrastiveLoss, labels: Tensor, off: Tensor, z: Tensor) -> Tensor:
    """The loss of a batch. off: the furthest that rows have been off unit length so far, brought up to date."""
    torch.maximum(off, off_unit_length(z).to(off.dtype), out=off)
    with full_float32():
        return loss(z, labels)


def contrastive_loss(config: LossConfig) -> ContrastiveLoss:
    """The loss at a config's point, of rows whose length is looked at once an epoch."""
    return partial(
        asymmetric_focal_contrastive_loss,
        eta=config.eta,
        gamma=config.gamma,
        temperature=config.temperature,
        normalize_by=config.normalize_by,
        rows_are_unit=True,
    )


def lr_factor(progress: float, warmup_epochs: int, epochs: int) -> float:
    """Share of the peak learning rate after `progress` epochs: linear warm-up, then a cosine to 0.

    Loshchilov & Hutter 2017 (arXiv 1608.03983), one cycle without restarts.
    """
    if progress < warmup_epochs:
        return (progress + 1) / (warmup_epochs + 1)
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup_epochs) / (epochs - warmup_epochs)))
