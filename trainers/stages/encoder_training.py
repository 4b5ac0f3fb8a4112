"""Training an encoder with any head: the steps of an epoch, and the gradient of each batch."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from trainers.compute.batch_norm import synchronise
from trainers.compute.data_parallel import Group
from trainers.compute.data_residency import fetched
from trainers.compute.devices import image_format
from trainers.compute.grad_cache import backward_in_chunks
from trainers.compute.precision import encoding
from trainers.compute.torch_compat import share_gradients
from trainers.config import AugmentConfig, ModelConfig, RepresentationConfig
from trainers.data.transforms.augment import Normaliser, change
from trainers.models import Encoder
from trainers.optimizers import representation_optimizer
from trainers.stages.batches import DeviceSplit


class OnEncoder(nn.Module):
    """The encoder, compiled if `compile_it`, with a head on it. A subclass defines what the two compute."""

    def __init__(self, encoder: Encoder, head: nn.Module, compile_it: bool) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.encode = compiled(encoder) if compile_it else encoder.__call__


def in_training(
    kind: type[OnEncoder],
    encoder: Encoder,
    head: nn.Module,
    model: ModelConfig,
    config: RepresentationConfig,
    device: torch.device,
    group: Group,
) -> tuple[torch.optim.Optimizer, nn.Module]:
    """Move encoder and head to the device. Returns their optimiser, and the module to call in training.

    The module is a `kind` (a subclass of OnEncoder); with several workers it is wrapped so that they share gradients.
    The workers of `group` all call this function, and train one set of weights together.
    """
    encoder.to(device).to(memory_format=image_format(device))
    head.to(device)
    optimizer = representation_optimizer([*encoder.parameters(), *head.parameters()], config, device)
    synchronise(encoder, group, device)
    network = kind(encoder, head, model.compile)
    return optimizer, network if group.size == 1 else share_gradients(network)


def compiled(encoder: Encoder) -> Callable[[Tensor], Tensor]:
    """The encoder through torch.compile. It shares the encoder's weights; their names do not change.

    Each batch size is compiled separately. Otherwise the result for a size would depend on the sizes before it, and a
    resumed trial would differ.
    """
    torch.compiler.reset()  # earlier trials of this worker count towards the limit at which torch stops compiling
    return cast(Callable[[Tensor], Tensor], torch.compile(encoder, dynamic=False))


def steps(
    optimizer: torch.optim.Optimizer,
    split: DeviceSplit,
    batches: Sequence[Tensor],
    config: RepresentationConfig,
    epoch: int,
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each batch of epoch `epoch` (from 1), set the learning rate and yield the indices [B] and the images."""
    pixels = fetched(split.images, batches, split.device)
    for number, (batch, images) in enumerate(zip(batches, pixels, strict=True)):
        progress = epoch - 1 + number / len(batches)
        for group in optimizer.param_groups:
            group["lr"] = config.lr * lr_factor(progress, config.warmup_epochs, config.epochs)
        yield batch, images


def epoch_metrics(loss: float, optimizer: torch.optim.Optimizer, seen: int, seconds: float) -> dict[str, float]:
    """The metrics of an epoch's training, by name.

    loss: the epoch's mean. seen: how many images passed the encoder, each view counted. seconds: how long it took.
    """
    return {
        "train_loss": loss,
        "lr": optimizer.param_groups[0]["lr"],
        "images_per_second": seen / seconds,
        "epoch_seconds": seconds,
    }


@dataclass(frozen=True)
class Rows:
    """The rows of a batch, one for each view of each image, with all that augments and normalises them."""

    pixels: Tensor  # [R, C, H, W] uint8
    normalise: Normaliser
    augmentation: AugmentConfig
    draws: Tensor  # [11, R], from `draw`: random numbers for each row

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, part: slice) -> Tensor:
        """The rows in `part`, augmented and normalised. Each call gives the same values."""
        changed = change(self.pixels[part], self.augmentation, self.draws[:, part])
        return self.normalise(changed).contiguous(memory_format=image_format(changed.device))


def backward(
    network: nn.Module, group: Group, rows: Rows, value: Callable[[Tensor], Tensor], chunk: int | None
) -> Tensor:
    """Add the gradient of one batch to those of the network's parameters. Returns the loss, detached.

    Args:
        network: from normalised images to rows of numbers.
        group: the workers that train it together.
        value: returns the loss of the whole batch from the network's output.
        rows: the batch.
        chunk: rows that pass the network at once; None: all.
    """
    device = rows.pixels.device

    def embed(part: slice) -> Tensor:
        start, end, _ = part.indices(len(rows))
        own = group.share(end - start)
        images = rows[slice(start + own.start, start + own.stop)]  # in float32
        # a new context each time: else a pass with gradient would use weights that autocast cached without gradient
        with encoding(device):
            z = network(images)
        return group.gather(z, [share.stop - share.start for share in group.shares(end - start)])

    if chunk is not None and chunk < len(rows):
        return backward_in_chunks(embed, len(rows), chunk, value, network)
    loss = value(embed(slice(None)))
    loss.backward()
    return loss.detach()


def lr_factor(progress: float, warmup_epochs: int, epochs: int) -> float:
    """The learning rate after `progress` epochs, divided by its peak: linear warm-up, then a cosine to 0.

    Loshchilov & Hutter 2017 (arXiv 1608.03983), one cycle without restarts.
    """
    if progress < warmup_epochs:
        return (progress + 1) / (warmup_epochs + 1)
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup_epochs) / (epochs - warmup_epochs)))
