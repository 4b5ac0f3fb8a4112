"""The array cache against decoding the images again in every epoch."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from measure import Row, Say, folder_on_disk, in_turns, rows_of
from PIL import Image

from trainers.data.datasets.folder import open_train
from trainers.data.io.decoding import THREADS, decode_image
from trainers.data.io.look import Look
from trainers.data_config import DataConfig
from trainers.parsing import parse

IMAGES, SIDES, SIZE = 400, (600, 450), 64  # of the width and height that ISIC 2018's have
SECONDS = 6.0


def rows(say: Say) -> Iterator[Row]:
    """All images of a folder of generated JPEG files, as an epoch wants them: uint8 and of one size."""
    say(f"{IMAGES} JPEG files of {SIDES[0]}×{SIDES[1]}, made {SIZE}×{SIZE}")
    with folder_on_disk() as folder, ThreadPoolExecutor(THREADS) as threads:
        paths = _generated(folder / "images")
        config = parse(DataConfig, {"dataset": "folder", "path": str(folder / "images"), "image_size": SIZE})
        pool = open_train(config, folder / "cache")
        everything = np.arange(IMAGES)
        decode = partial(decode_image, look=Look("RGB", (SIZE, SIZE)), resize=True)
        decoded = np.stack(list(threads.map(decode, paths))).transpose(0, 3, 1, 2)
        assert np.array_equal(pool.read(everything), decoded), "both are to give the same pixels"
        sides = {
            "ours": lambda: pool.read(everything),
            f"decoding, {THREADS} threads": lambda: list(threads.map(decode, paths)),
        }
        what = f"{IMAGES} JPEG files, {SIDES[0]}×{SIDES[1]} to {SIZE}×{SIZE}, from the array cache"
        yield from rows_of("cache", what, in_turns(sides, SECONDS))


def _generated(folder: Path) -> list[Path]:
    """Smooth random pictures: noise would be larger as JPEG than photographs are."""
    draws = np.random.default_rng(0)
    paths = []
    for number in range(IMAGES):
        path = folder / ("even", "odd")[number % 2] / f"{number:04d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = draws.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize(SIDES, Image.Resampling.BICUBIC).save(path, quality=90)
        paths.append(path)
    return sorted(paths)
