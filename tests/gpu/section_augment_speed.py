"""Augmentation of a batch on the device against torchvision's v2 transforms."""

from collections.abc import Callable, Iterator

import torch
from rows import Row
from setting import Setting
from torch import Tensor

from trainers.config import AugmentConfig
from trainers.data.transforms.augment import ASPECT, augment

SHAPES = {(1, 28, 28): 512, (3, 224, 224): 256}
CONFIG = AugmentConfig()
LESIONS = AugmentConfig(vertical_flip=0.5, rotation=180, saturation=0.1, hue=0.02)


def rows(setting: Setting) -> Iterator[Row]:
    """v2 draws once for a whole batch; a draw for each image, as ours has, it makes image by image."""
    for shape, count in SHAPES.items():
        count = setting.pick(count, 4)
        draws = torch.Generator().manual_seed(0)
        images = torch.randint(256, (count, *shape), dtype=torch.uint8, generator=draws).to(setting.device)
        for name, config in (("crop, flip, light", CONFIG), ("with rotation and colour", LESIONS)):
            if shape[0] == 1 and config is LESIONS:
                continue
            what = f"{count} images of {'×'.join(map(str, shape))}, {name}"
            ours = setting.milliseconds(
                lambda images=images, config=config: augment(images, config, torch.Generator().manual_seed(0))
            )
            yield Row(f"{what}: ours", ours, "ms")
            change = _v2(config, shape)
            each = setting.milliseconds(
                lambda images=images, change=change: torch.stack([change(one) for one in images])
            )
            batch = setting.milliseconds(lambda images=images, change=change: change(images))
            yield Row(f"{what}: torchvision v2, image by image", each, "ms")
            yield Row(f"{what}: torchvision v2, one draw for the batch", batch, "ms")
            yield Row(f"{what}: ours against v2 image by image", ours / each, "of its time")
            yield Row(f"{what}: ours against v2 with one draw", ours / batch, "of its time")


def _v2(config: AugmentConfig, shape: tuple[int, int, int]) -> Callable[[Tensor], Tensor]:
    from torchvision.transforms import v2

    turned = [
        v2.RandomVerticalFlip(config.vertical_flip),
        v2.RandomRotation(config.rotation, v2.InterpolationMode.BILINEAR),
    ]
    return v2.Compose(
        [
            v2.ToDtype(torch.float32, scale=True),
            *(turned if config.rotation else []),
            v2.RandomResizedCrop(shape[1:], (config.crop_scale, 1.0), (1 / ASPECT, ASPECT), antialias=False),
            v2.RandomHorizontalFlip(config.flip),
            v2.ColorJitter(config.brightness, config.contrast, config.saturation, config.hue),
        ]
    )
