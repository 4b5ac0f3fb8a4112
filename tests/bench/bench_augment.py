"""Augmentation of a batch, from uint8 in memory to float in memory, against per-image PIL and against kornia."""

import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator

import torch
from measure import Row, Say, in_turns, rows_of, where
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from trainers.config import AugmentConfig
from trainers.data.transforms.augment import ASPECT, augment

SHAPES = {(1, 28, 28): 512, (3, 224, 224): 64}  # an image's shape, images in the batch
CONFIG = AugmentConfig()
LESIONS = AugmentConfig(vertical_flip=0.5, rotation=180, saturation=0.1, hue=0.02)  # as spaces/isic2018.yaml has it
SECONDS = 3.0  # for each comparison


def rows(say: Say) -> Iterator[Row]:
    """On one thread against PIL in one process; on every core against PIL in a DataLoader with as many workers."""
    threads_before = torch.get_num_threads()
    for threads in sorted({threads_before, os.cpu_count() or 1}):
        torch.set_num_threads(threads)
        for shape, count in SHAPES.items():
            what = f"augment {count} images, {'×'.join(map(str, shape))}, {threads} thread{'s' * (threads > 1)}"
            say(what)
            images = _images(shape, count)
            there = images.to(where())
            sides = {"ours": _ours(there, CONFIG)} | _pil(images, CONFIG, threads)
            if importlib.util.find_spec("kornia"):
                sides["kornia"] = _kornia(there)
            yield from rows_of("augment", what, in_turns(sides, SECONDS))
            if shape[0] == 3:
                what += ", with rotation, vertical flip, saturation and hue"
                say(what)
                sides = {"ours": _ours(there, LESIONS)} | _pil(images, LESIONS, threads)
                yield from rows_of("augment", what, in_turns(sides, SECONDS))
    torch.set_num_threads(threads_before)


def _images(shape: tuple[int, int, int], count: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (count, *shape), dtype=torch.uint8, generator=generator)


def _ours(images: Tensor, config: AugmentConfig) -> Callable[[], object]:
    draws = torch.Generator().manual_seed(0)
    return lambda: augment(images, config, draws)


class _PerImage(Dataset):
    """torchvision's usual pipeline of one image at a time."""

    def __init__(self, images: Tensor, config: AugmentConfig) -> None:
        self._arrays = images.permute(0, 2, 3, 1).contiguous().numpy()
        if images.shape[1] == 1:
            self._arrays = self._arrays[..., 0]
        turned = [
            transforms.RandomVerticalFlip(config.vertical_flip),
            transforms.RandomRotation(config.rotation, transforms.InterpolationMode.BILINEAR),
        ]
        self._change = transforms.Compose(
            [
                *(turned if config.rotation else []),
                transforms.RandomResizedCrop(images.shape[-1], (config.crop_scale, 1.0), (1 / ASPECT, ASPECT)),
                transforms.RandomHorizontalFlip(config.flip),
                transforms.ColorJitter(config.brightness, config.contrast, config.saturation, config.hue),
                transforms.ToTensor(),
            ]
        )

    def __len__(self) -> int:
        return len(self._arrays)

    def __getitem__(self, index: int) -> Tensor:
        return self._change(Image.fromarray(self._arrays[index]))


def _pil(images: Tensor, config: AugmentConfig, workers: int) -> dict[str, Callable[[], object]]:
    one_by_one = _PerImage(images, config)
    if workers == 1:
        return {"PIL": lambda: torch.stack([one_by_one[i] for i in range(len(one_by_one))])}
    loader = DataLoader(one_by_one, batch_size=len(images) // workers, num_workers=workers, persistent_workers=True)
    return {f"PIL, DataLoader with {workers} workers": lambda: list(loader)}


def _kornia(images: Tensor) -> Callable[[], object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # kornia's own, of the torch functions that it uses
        import kornia.augmentation as changes
    size = (images.shape[-2], images.shape[-1])
    change = torch.nn.Sequential(
        changes.RandomResizedCrop(size, scale=(CONFIG.crop_scale, 1.0), ratio=(1 / ASPECT, ASPECT), p=1.0),
        changes.RandomHorizontalFlip(p=CONFIG.flip),
        # its ColorJitter takes colour images only, and would work on hue and saturation as well
        changes.RandomBrightness((1 - CONFIG.brightness, 1 + CONFIG.brightness), p=1.0),
        changes.RandomContrast((1 - CONFIG.contrast, 1 + CONFIG.contrast), p=1.0),
    )
    return lambda: change(images.float() / 255)
