"""Augmentation and normalisation of whole batches, on the device that holds them.

Images are converted from uint8 to float in [0, 1], changed by `augment` (still in [0, 1]), and normalised. Random crop,
flips and rotation are one resampling, and all changes of colour one multiply-add: there is no loop over images.
"""

import math
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional

from trainers.compute.devices import can_sample
from trainers.compute.precision import full_float32
from trainers.config import AugmentConfig
from trainers.data.transforms.colour import recolour, relight

ASPECT = 4 / 3  # a crop's width / height is between 3/4 and this, as in torchvision's RandomResizedCrop
CHUNK = 1 << 22  # values that `channel_statistics` counts at a time
CHANGED_AT_ONCE = 1 << 20  # values, on a CPU: 4 MB fit its cache; larger blocks would be allocated anew each time


@dataclass(frozen=True, eq=False)
class Normaliser:
    """Scales the channels of images by statistics of the training images, which so get mean 0 and deviation 1."""

    mean: Tensor  # [C], of images in [0, 1]
    std: Tensor  # [C]

    @classmethod
    def of(cls, images: Tensor, device: torch.device | None = None) -> Self:
        """The normaliser for training images [N, C, H, W] uint8, on `device`; None: on the images' device."""
        mean, std = channel_statistics(images)
        return cls(mean.to(device or images.device), std.to(device or images.device))

    def __call__(self, images: Tensor) -> Tensor:
        """Normalised copies of images [N, C, H, W] in [0, 1]."""
        return (images - self.mean[:, None, None]).div_(self.std[:, None, None])


def channel_statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel of uint8 images, as of values in [0, 1]: [C] float32 on the CPU.

    Computed from exact counts of the 256 levels, so the result does not depend on the order of the images, the number
    of threads or the device. The deviation is at least one level (1/255), so that nothing is divided by 0.
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
    """Change each of the `images` [N, C, H, W] at random: `change` with the numbers of `draw`."""
    return change(images, config, draw(len(images), generator))


def draw(count: int, generator: torch.Generator) -> Tensor:
    """Random numbers for `count` images: [11, count] uniform in [0, 1), on the CPU, and so the same for all devices.

    Each part of `change` (crop, flip, brightness …) has its numbers even if it is switched off, so switching a part off
    does not affect the others. The first seven rows come from the generator itself. The last four rows are for parts
    that were added later. These rows come from a separate stream, seeded with the generator's next number without
    consuming that number, so that recorded results of older versions can be repeated.
    """
    first = torch.rand((7, count), generator=generator)
    seed = torch.randint(2**62, (), generator=generator.clone_state()).item()
    later = torch.rand((4, count), generator=torch.Generator().manual_seed(int(seed)))
    return torch.cat([first, later])


def change(images: Tensor, config: AugmentConfig, draws: Tensor) -> Tensor:
    """Crop, flip, rotate and recolour each image by its own draws: [11, N], from `draw`.

    `images` are [N, C, H, W], uint8 or float in [0, 1]; the result is float32 in [0, 1]. Parts that change nothing are
    skipped. Saturation and hue apply to images of three channels only. On a CPU a large batch is changed a few images
    at a time; the result is the same to the bit.
    """
    # no piece is a single image: torch would sum up its mean on several threads, and so round differently
    parts = len(images) // max(2, CHANGED_AT_ONCE // math.prod(images.shape[1:]))
    if images.device.type != "cpu" or parts < 2:
        return _change(images, config, draws)
    changed = torch.empty_like(images, dtype=torch.float32, memory_format=torch.contiguous_format)
    pieces = zip(changed.tensor_split(parts), images.tensor_split(parts), draws.tensor_split(parts, 1), strict=True)
    for into, some, their_draws in pieces:
        into.copy_(_change(some, config, their_draws))
    return changed


def unit(images: Tensor) -> Tensor:
    """Pixels as float32 in [0, 1], from uint8 or from floats in [0, 1]."""
    return images.float().div_(255) if images.dtype == torch.uint8 else images.to(torch.float32)


def _change(images: Tensor, config: AugmentConfig, draws: Tensor) -> Tensor:
    images = unit(images)
    area, aspect, x, y, flip, brightness, contrast, upend, angle, saturation, hue = draws.to(images.device)
    flipped, upended = flip < config.flip, upend < config.vertical_flip
    with full_float32():
        if config.crop_scale < 1 or config.rotation > 0:
            width, height = _crop_sides(config.crop_scale, area, aspect)
            turned = math.radians(config.rotation) * (2 * angle - 1)
            theta = _affine(images, width, height, x, y, flipped, upended, turned)
            images = _resample(images, theta, "reflection" if config.rotation > 0 else "border")
        else:
            if config.flip > 0:
                images = torch.where(flipped.view(-1, 1, 1, 1), images.flip(-1), images)
            if config.vertical_flip > 0:
                images = torch.where(upended.view(-1, 1, 1, 1), images.flip(-2), images)
        light = _factor(brightness, config.brightness), _factor(contrast, config.contrast)
        if images.shape[1] == 3 and (config.saturation > 0 or config.hue > 0):
            images = recolour(images, *light, _factor(saturation, config.saturation), config.hue * (2 * hue - 1))
        elif config.brightness > 0 or config.contrast > 0:
            images = relight(images, *light)
    return images


def _crop_sides(scale: float, area: Tensor, aspect: Tensor) -> tuple[Tensor, Tensor]:
    """Width and height of each crop as shares of the image's, from draws in [0, 1).

    `scale` is the smallest area of a crop as a share of the image's; 1 means no crop.
    """
    if scale == 1:
        return torch.ones_like(area), torch.ones_like(area)
    side = (scale + (1 - scale) * area).sqrt()
    stretch = torch.exp((aspect - 0.5) * math.log(ASPECT))  # square root of width / height
    return (side * stretch).clamp(max=1), (side / stretch).clamp(max=1)


def _affine(
    images: Tensor,
    width: Tensor,
    height: Tensor,
    x: Tensor,
    y: Tensor,
    flipped: Tensor,
    upended: Tensor,
    angle: Tensor,
) -> Tensor:
    """Affine maps [N, 2, 3] from positions in the result to positions in the image, both in -1..1.

    Each maps the result to a rectangle whose sides are `width` and `height`, as shares of the image's. The draws `x`
    and `y`, in [0, 1), place the rectangle inside the image. It is mirrored if `flipped` or `upended`, and turned about
    its centre by `angle`, in radians. Angles are measured in pixels, so an image that is not square is not sheared.
    """
    tall = images.shape[2] / images.shape[3]
    across, down = torch.where(flipped, -width, width), torch.where(upended, -height, height)
    cos, sin = torch.cos(angle), torch.sin(angle)
    theta = images.new_zeros(len(images), 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = across * cos, -down * sin * tall
    theta[:, 1, 0], theta[:, 1, 1] = across * sin / tall, down * cos
    theta[:, 0, 2] = (2 * x - 1) * (1 - width)  # the centre, chosen so that the crop stays inside
    theta[:, 1, 2] = (2 * y - 1) * (1 - height)
    return theta


def _resample(images: Tensor, theta: Tensor, outside: str) -> Tensor:
    """Resample images by affine maps. `outside` is torch's padding_mode: how to fill what lies beyond the image.

    The grid of positions [N, H, W, 2] equals that of torch's affine_grid, to the bit on a CPU. It takes a fraction of
    the time, as torch multiplies matrices of three columns. Computed elementwise, the grid is the same on every device.
    In memory all x come before all y: with x and y side by side the loops would not be vectorised.
    """
    height, width = images.shape[2:]
    across = _centres(width, images.device)
    down = _centres(height, images.device).unsqueeze(-1)
    to_x, to_y, shift = theta[..., None, None].unbind(2)  # [N, 2, 1, 1]
    grid = (across * to_x + down * to_y + shift).permute(0, 2, 3, 1)
    how: dict[str, Any] = {"mode": "bilinear", "padding_mode": outside, "align_corners": False}
    if can_sample(images.device.type, outside):
        return functional.grid_sample(images, grid, **how)
    return functional.grid_sample(images.cpu(), grid.cpu(), **how).to(images.device)


def _centres(size: int, device: torch.device) -> Tensor:
    """Positions [`size`] of the pixels' centres along a side of `size` pixels that spans -1..1."""
    return torch.linspace(-1, 1, size, device=device) * (size - 1) / size


def _factor(draw: Tensor, spread: float) -> Tensor:
    return 1 + spread * (2 * draw - 1)
