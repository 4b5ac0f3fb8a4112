"""Augmentation and normalisation of whole batches, on the device that holds them.

Images go from uint8 to float in [0, 1], through `augment` (still [0, 1]), then through a `Normaliser`. Random crop and
flip are one resampling, brightness and contrast one multiply-add: never a loop over images.
"""

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional

from trainers.config import AugmentConfig

ASPECT = 4 / 3  # a crop's width / height lies between 3/4 and this, as torchvision's random resized crop has it
CHUNK = 1 << 22  # values counted at a time


@dataclass(frozen=True, eq=False)
class Normaliser:
    """Brings each channel of the training images to mean 0 and deviation 1, and any other images likewise."""

    mean: Tensor  # [C], of images in [0, 1]
    std: Tensor  # [C]

    @classmethod
    def of(cls, images: Tensor, device: torch.device | None = None) -> Self:
        """The normaliser of these training images, [N, C, H, W] uint8, for work on `device`; None: on theirs."""
        mean, std = channel_statistics(images)
        return cls(mean.to(device or images.device), std.to(device or images.device))

    def __call__(self, images: Tensor) -> Tensor:
        """Images [N, C, H, W] in [0, 1], normalised. The images given are left as they are."""
        return (images - self.mean[:, None, None]).div_(self.std[:, None, None])


def channel_statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel of uint8 images, as of values in [0, 1]: [C] float32 on the CPU.

    Computed from exact counts of the 256 levels, so that the order of the images, the number of threads and the device
    make no difference. A constant channel gets one level as its deviation, to divide by.
    """
    if images.dtype != torch.uint8 or images.ndim != 4:
        raise ValueError(f"images must be [N, C, H, W] uint8, but got {list(images.shape)} {images.dtype}")
    levels = torch.zeros((images.shape[1], 256), dtype=torch.int64, device=images.device)
    step = max(1, CHUNK // math.prod(images.shape[1:]))
    for start in range(0, len(images), step):
        for channel, counts in enumerate(levels):
            counts += torch.bincount(images[start : start + step, channel].flatten(), minlength=256)
    share = levels.cpu().double() / levels[0].sum().item()
    value = torch.arange(256, dtype=torch.float64) / 255
    mean = share @ value
    std = (share @ value.square() - mean.square()).clamp(min=0).sqrt().clamp(min=1 / 255)
    return mean.float(), std.float()


def augment(images: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Each image cropped, flipped, lit and contrasted at random. [N, C, H, W], float in [0, 1] -> float32, likewise.

    `generator` is a CPU generator: parameters are drawn there and moved, so every device changes the images alike.
    Every part of the change draws its numbers whether it is switched on or not, so that switching one off leaves the
    others as they were. A part that changes nothing is skipped; with none left the images are returned as they are.
    """
    images = images.to(torch.float32)
    draws = torch.rand((7, len(images)), generator=generator).to(images.device)
    area, aspect, x, y, flip, brightness, contrast = draws
    flipped = flip < config.flip
    if config.crop_scale < 1:
        images = _crop(images, config.crop_scale, area, aspect, x, y, flipped)
    elif config.flip > 0:
        images = torch.where(flipped.view(-1, 1, 1, 1), images.flip(-1), images)
    if config.brightness > 0 or config.contrast > 0:
        images = _relight(images, _factor(brightness, config.brightness), _factor(contrast, config.contrast))
    return images


def _crop(images: Tensor, scale: float, area: Tensor, aspect: Tensor, x: Tensor, y: Tensor, flipped: Tensor) -> Tensor:
    """Resample a random rectangle of each image to the full size, mirrored where `flipped`. Draws are in [0, 1)."""
    side = (scale + (1 - scale) * area).sqrt()
    stretch = torch.exp((aspect - 0.5) * math.log(ASPECT))  # square root of width / height
    width, height = (side * stretch).clamp(max=1), (side / stretch).clamp(max=1)  # shares of the image's
    theta = images.new_zeros(len(images), 2, 3)
    theta[:, 0, 0] = torch.where(flipped, -width, width)
    theta[:, 0, 2] = (2 * x - 1) * (1 - width)  # the centre, in -1..1, such that the crop stays inside
    theta[:, 1, 1] = height
    theta[:, 1, 2] = (2 * y - 1) * (1 - height)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _relight(images: Tensor, brightness: Tensor, contrast: Tensor) -> Tensor:
    """Multiply by the brightness, spread about the image's mean by the contrast, clamp to [0, 1]."""
    mean = images.mean(dim=(1, 2, 3))
    shift = brightness * mean * (1 - contrast)
    return torch.addcmul(shift.view(-1, 1, 1, 1), images, (brightness * contrast).view(-1, 1, 1, 1)).clamp_(0, 1)


def _factor(draw: Tensor, spread: float) -> Tensor:
    return 1 + spread * (2 * draw - 1)
