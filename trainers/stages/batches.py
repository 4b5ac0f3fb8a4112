"""A split as a trial uses it, and its division into the batches of an epoch."""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainers.compute.data_residency import fits
from trainers.data.arrays import Split


@dataclass(frozen=True)
class DeviceSplit:
    """The images [N, C, H, W] uint8 of a split, their labels [N] int64, and the number of classes.

    The labels are on the trial's device. The images are there too if they fit, else on the host (see
    trainers.compute.data_residency).
    """

    images: Tensor
    labels: Tensor
    classes: int

    @property
    def device(self) -> torch.device:
        """The device on which the trial computes."""
        return self.labels.device


def class_weights(labels: Tensor, classes: int) -> Tensor:
    """Class weights [C], N / (C · N_c): with them a cross-entropy over `labels` counts every class alike."""
    counts = torch.bincount(labels, minlength=classes)
    return len(labels) / (classes * counts.float())


def to_device(split: Split, classes: int, device: torch.device) -> DeviceSplit:
    """Put a split on a device; if its images do not fit there, they stay on the host. On a CPU nothing is copied."""
    images = _tensor(split.images)
    if fits(images.nbytes, device):
        images = images.to(device)
    return DeviceSplit(images, _tensor(split.labels).to(device), classes)


def _tensor(array: np.ndarray) -> Tensor:
    with warnings.catch_warnings():
        # Ray's arrays are read-only, and nothing here writes to them
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)


def shuffled_batches(
    labels: Tensor, batch_size: int, generator: torch.Generator, *, balanced: bool = False
) -> Iterator[Tensor]:
    """Yield the indices of each batch of an epoch, in random order. The batches are as equal in size as possible.

    A small last batch of, say, three images would have few positives and poor BatchNorm statistics. A batch has at most
    `batch_size` images, except that batches are larger if one would otherwise have a single image. As many images are
    drawn as there are labels: each image once, or, with `balanced`, every class equally often (up to rounding).
    """
    order = _balanced_order(labels, generator) if balanced else torch.randperm(len(labels), generator=generator)
    batches = math.ceil(len(order) / batch_size)
    # a contrastive loss needs at least two rows
    return iter(order.to(labels.device).tensor_split(max(1, min(batches, len(order) // 2))))


def _balanced_order(labels: Tensor, generator: torch.Generator) -> Tensor:
    labels = labels.cpu()
    present = labels.unique()
    share = math.ceil(len(labels) / len(present))
    draws = []
    for c in present:
        members = torch.nonzero(labels == c).flatten()
        rounds = math.ceil(share / len(members))  # every image of a class is drawn once before any is drawn twice
        draws.append(
            torch.cat([members[torch.randperm(len(members), generator=generator)] for _ in range(rounds)])[:share]
        )
    order = torch.cat(draws)
    return order[torch.randperm(len(order), generator=generator)][: len(labels)]
