"""Augmentation and normalisation of whole batches, on the device that holds them.

Images go from uint8 to float in [0, 1], through `augment` (still [0, 1]), then through a `Normaliser`. Random crop,
flips and rotation are one resampling, all changes of colour one multiply-add: never a loop over images.
"""

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional

from trainers.compute.precision import full_float32
from trainers.config import AugmentConfig
from trainers.data.transforms.colour import recolour, relight

ASPECT = 4 / 3  # a crop's width / height lies between 3/4 and this, as torchvision's random resized crop has it
CHUNK = 1 << 22  # values counted at a time
CHANGED_AT_ONCE = 1 << 20  # values, on a CPU: 4 MB stay in its cache, and of more the allocator asks the system anew


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
    """Each image changed at random. [N, C, H, W], see `draw` and `change`."""
    return change(images, config, draw(len(images), generator))


def draw(count: int, generator: torch.Generator) -> Tensor:
    """The chances of `count` images: [11, count] uniform in [0, 1), on the CPU like `generator`, for every device.

    Every part of the change draws its numbers whether it is switched on or not, so that switching one off leaves the
    others as they were. The first seven rows come from the generator itself. The last four, of parts that came later,
    come from a stream of their own, whose seed is what the generator would draw next and does not: the generator goes
    on as it did before there were such parts, and so do the results that were recorded then.
    """
    first = torch.rand((7, count), generator=generator)
    seed = torch.randint(2**62, (), generator=generator.clone_state()).item()
    later = torch.rand((4, count), generator=torch.Generator().manual_seed(int(seed)))
    return torch.cat([first, later])


def change(images: Tensor, config: AugmentConfig, draws: Tensor) -> Tensor:
    """Each image cropped, flipped, rotated and recoloured by its own draws: [11, N], of `draw`.

    images: [N, C, H, W], uint8 or float in [0, 1]; they come back as float32 in [0, 1]. A part that changes nothing is
    skipped. Saturation and hue are of RGB: images with another number of channels than three have neither. On a CPU a
    large batch is changed a few images at a time, to the same bits.
    """
    # never an image alone: its mean would be summed by all threads together, in another order
    parts = len(images) // max(2, CHANGED_AT_ONCE // math.prod(images.shape[1:]))
    if images.device.type != "cpu" or parts < 2:
        return _change(images, config, draws)
    changed = torch.empty_like(images, dtype=torch.float32, memory_format=torch.contiguous_format)
    pieces = zip(changed.tensor_split(parts), images.tensor_split(parts), draws.tensor_split(parts, 1), strict=True)
    for into, some, their_draws in pieces:
        into.copy_(_change(some, config, their_draws))
    return changed


def unit(images: Tensor) -> Tensor:
    """Pixels as float32 in [0, 1], from uint8 or from floats that are so already."""
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
    """Width and height of each crop as shares of the image's, from draws in [0, 1). At scale 1 there is no crop."""
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
    """[N, 2, 3] from a place in the result to one in the image, both in -1..1: a rectangle, mirrored, then turned.

    The rectangle lies inside the image (x, y: draws in [0, 1)) before it is turned about its centre by `angle`
    (radians, counted in pixels: an image that is no square is not sheared).
    """
    tall = images.shape[2] / images.shape[3]
    across, down = torch.where(flipped, -width, width), torch.where(upended, -height, height)
    cos, sin = torch.cos(angle), torch.sin(angle)
    theta = images.new_zeros(len(images), 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = across * cos, -down * sin * tall
    theta[:, 1, 0], theta[:, 1, 1] = across * sin / tall, down * cos
    theta[:, 0, 2] = (2 * x - 1) * (1 - width)  # the centre, such that the crop stays inside
    theta[:, 1, 2] = (2 * y - 1) * (1 - height)
    return theta


def _resample(images: Tensor, theta: Tensor, outside: str) -> Tensor:
    """The one pass of gathering. outside: what a turned crop finds beyond the image; a reflection has no streaks.

    The grid [N, H, W, 2] is that of torch's affine_grid, to the bit on a CPU and in a fraction of its time: it
    multiplies matrices for it, of three columns. Elementwise it is also the same on every device. All x lie before all
    y in memory: side by side no loop over them is vectorised.
    """
    height, width = images.shape[2:]
    across = _centres(width, images.device)
    down = _centres(height, images.device).unsqueeze(-1)
    to_x, to_y, shift = theta[..., None, None].unbind(2)  # [N, 2, 1, 1]
    grid = (across * to_x + down * to_y + shift).permute(0, 2, 3, 1)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode=outside, align_corners=False)


def _centres(size: int, device: torch.device) -> Tensor:
    """Where pixels' centres lie when the image spans -1..1."""
    return torch.linspace(-1, 1, size, device=device) * (size - 1) / size


def _factor(draw: Tensor, spread: float) -> Tensor:
    return 1 + spread * (2 * draw - 1)
