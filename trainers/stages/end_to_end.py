"""One stage, end to end: the encoder and a linear head on it, trained with a classification loss.

Trials of two stages are compared with such trials, which have the same encoder, augmentation, batches and schedule. A
batch has one view of each image, while contrastive losses see two; `match: passes` makes the work equal (see
EndToEndConfig).
"""

import math
import time
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from trainers.compute.data_parallel import ALONE, Group
from trainers.compute.precision import full_float32
from trainers.config import ModelConfig, RepresentationConfig, TrialConfig
from trainers.data.transforms.augment import Normaliser, draw
from trainers.end_to_end_loss import ClassifierLoss, end_to_end_loss
from trainers.errors import DivergedError
from trainers.models import Encoder, LinearClassifier, build_encoder, build_head
from trainers.seeds import derive_seed, generator
from trainers.stages.batches import DeviceSplit, shuffled_batches
from trainers.stages.encoder_training import OnEncoder, Rows, backward, epoch_metrics, in_training, steps


@dataclass
class EndToEnd:
    """The networks that the stage trains, and their optimiser."""

    encoder: Encoder
    head: LinearClassifier
    optimizer: torch.optim.Optimizer
    classify: nn.Module  # encoder and head together: normalised images to logits
    group: Group


class Classifying(OnEncoder):
    """The encoder and the linear head on it, in float32 even under autocast."""

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images [N, C, H, W] to logits [N, classes]."""
        features = self.encode(images).float()
        with torch.autocast(features.device.type, enabled=False):
            return cast(Tensor, self.head(features))


def new_network(
    model: ModelConfig,
    config: RepresentationConfig,
    channels: int,
    classes: int,
    seed: int,
    device: torch.device,
    group: Group = ALONE,
) -> EndToEnd:
    """Fresh networks on `device`; their weights depend on the configs and the seed alone.

    The encoder starts with the same weights as in two stages with the same seed. `config` is `TrialConfig.training`;
    `group` as for `new_representation`.
    """
    encoder = build_encoder(model, channels, derive_seed(seed, "encoder"))
    head = build_head(encoder.feature_dim, classes, derive_seed(seed, "head"))
    optimizer, classify = in_training(Classifying, encoder, head, model, config, device, group)
    return EndToEnd(encoder, head, optimizer, classify, group)


def loss_of(config: TrialConfig, split: DeviceSplit) -> ClassifierLoss:
    """The loss function of a trial that is trained end to end; its class weights or priors come from `split`."""
    return end_to_end_loss(config, drawn_shares(split, balanced=config.representation.balanced_batches))


def drawn_shares(split: DeviceSplit, *, balanced: bool) -> Tensor:
    """The share of each class among the images drawn from `split` in training, [C]; equal shares if `balanced`."""
    if balanced:
        return torch.full((split.classes,), 1 / split.classes, device=split.device)
    return torch.bincount(split.labels, minlength=split.classes).float() / len(split.labels)


def train_one_epoch(
    network: EndToEnd,
    split: DeviceSplit,
    normalise: Normaliser,
    loss: ClassifierLoss,
    config: RepresentationConfig,
    epoch: int,
    passes: int,
    seed: int,
) -> dict[str, float]:
    """Train epoch `epoch` (from 1): `passes` rounds of the training images. Returns its metrics by name.

    Raises DivergedError if the loss is no longer finite.
    """
    network.encoder.train()
    network.head.train()
    draws = generator(seed, "end to end", epoch)
    batches = [
        batch
        for _ in range(passes)
        for batch in shuffled_batches(split.labels, config.batch_size, draws, balanced=config.balanced_batches)
    ]
    started, seen = time.perf_counter(), 0
    total = torch.zeros((), device=split.device)
    for batch, images in steps(network.optimizer, split, batches, config, epoch):
        rows = Rows(images, normalise, config.augment, draw(len(batch), draws))
        network.optimizer.zero_grad(set_to_none=True)
        value = backward(
            network.classify, network.group, rows, partial(_value, loss, split.labels[batch]), config.chunk
        )
        network.optimizer.step()
        total += value * len(batch)
        seen += len(batch)
    mean_loss = total.item() / seen  # read once an epoch, because reading waits for all of the device's work
    if not math.isfinite(mean_loss):
        raise DivergedError(f"the classification loss is {mean_loss} at {epoch=}")
    return epoch_metrics(mean_loss, network.optimizer, seen, time.perf_counter() - started)


def _value(loss: ClassifierLoss, labels: Tensor, logits: Tensor) -> Tensor:
    with full_float32():
        return loss(logits, labels)
