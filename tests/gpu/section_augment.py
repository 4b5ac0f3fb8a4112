"""Augmentation on the device against the CPU, with the same draws."""

from collections.abc import Iterator

import torch
from rows import Row
from setting import Setting

from trainers.config import AugmentConfig
from trainers.data.transforms.augment import change, draw

LESIONS = AugmentConfig(vertical_flip=0.5, rotation=180, saturation=0.1, hue=0.02)  # as spaces/isic2018.yaml has it
CASES = {
    "crop, flip, brightness and contrast, 1×28×28": (AugmentConfig(), (1, 28, 28), 512),
    "the same, 3×64×64": (AugmentConfig(), (3, 64, 64), 128),
    "with rotation, vertical flip, saturation and hue, 3×64×64": (LESIONS, (3, 64, 64), 128),
    "the same, 3×224×224": (LESIONS, (3, 224, 224), 16),
}
LEVEL = 1 / 255  # of a pixel


def rows(setting: Setting) -> Iterator[Row]:
    """The largest and the mean difference of a pixel, in levels of 255."""
    for name, (config, shape, count) in CASES.items():
        draws = torch.Generator().manual_seed(0)
        # smooth images, as photographs are: beside noise a rounded coordinate is a difference of many levels
        coarse = torch.rand(count, shape[0], 8, 8, generator=draws)
        smooth = torch.nn.functional.interpolate(coarse, shape[1:], mode="bicubic").clamp(0, 1)
        images, chances = (255 * smooth).round().to(torch.uint8), draw(count, draws)
        apart = (change(images.to(setting.device), config, chances).cpu() - change(images, config, chances)).abs()
        yield Row(f"largest difference of a pixel: {name}", float(apart.max() / LEVEL), "levels", at_most=0.05)
        yield Row(f"mean difference: {name}", float(apart.mean() / LEVEL), "levels", at_most=0.001)
