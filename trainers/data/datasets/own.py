"""A user's own dataset: a function, named by its import path or by an entry point in the group afcl.datasets.

    def load(split: str, path: Path | None) -> LabelledImages | None:
        ...   # split: "train" or "test"; path: data.path; returns None if there is no such split

The dataset is then treated like any other: classes, sizes of the training classes, validation split, copies, groups.
If its module also has a function `read_image`, `afcl predict` reads image files with it:

    def read_image(path: Path) -> NDArray[np.uint8]:
        ...   # [C, H, W], or [H, W] for a grey image: prepared like the images that `load` returns
"""

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.arrays import Images, Indices, Pool
from trainers.data.groups import numbered
from trainers.data_config import DataConfig
from trainers.errors import InputError
from trainers.own_parts import load_part, source_hash

FIELD = "data.dataset"
READER = "read_image"


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """What a user's function returns. A plain tuple (images, labels) or (images, labels, groups) will do as well."""

    images: NDArray[np.uint8]  # [N, C, H, W], or [N, H, W] for grey images; values 0 to 255
    labels: Sequence[Any]  # [N], the name of each image's class
    groups: Sequence[Any] | None = None  # [N], equal for images that belong together, such as those of one patient


def open_train(config: DataConfig, root: Path) -> Pool:
    """The images of the split "train"."""
    pool = _pool(config, "train")
    if pool is None:
        raise InputError(f"{FIELD}: {_named(config)} gives no images for the split 'train'")
    return pool


def open_test(config: DataConfig, root: Path) -> Pool:
    """The images of the split "test". Raises InputError if there are none, or if an image's class is not in "train"."""
    pool, known = _pool(config, "test"), open_train(config, root).class_names
    if pool is None:
        raise InputError(f"{FIELD}: {_named(config)} gives no images for the split 'test': nothing to test on")
    if strange := sorted(set(pool.class_names) - set(known)):
        raise InputError(f"{FIELD}: {_named(config)} has the class {strange[0]!r} in 'test' alone")
    places = np.array([known.index(name) for name in pool.class_names], dtype=np.int64)
    return replace(pool, class_names=known, labels=places[pool.labels])


def missing_test(config: DataConfig, root: Path) -> None:
    """Return None. Only opening a test split shows whether it exists, and no search opens it."""


def _pool(config: DataConfig, split: str) -> Pool | None:
    found = _loaded(config, split)
    if found is None:
        return None
    images, labels = _images(config, found, split), [str(label) for label in found.labels]
    if len(labels) != len(images):
        raise InputError(f"{FIELD}: {_named(config)} gives {len(images)} images but {len(labels)} labels for {split!r}")
    names = tuple(sorted(set(labels)))
    groups = None
    if found.groups is not None:
        if len(found.groups) != len(images):
            raise InputError(
                f"{FIELD}: {_named(config)} gives {len(images)} images but {len(found.groups)} groups for {split!r}"
            )
        groups = numbered([str(group) for group in found.groups])

    def read(indices: Indices) -> Images:
        return images[indices]

    module = config.dataset.partition(":")[0]
    source = f"{_named(config)} (source {source_hash(module)[:12]})"
    places = np.searchsorted(np.array(names), np.array(labels)).astype(np.int64)
    return Pool(module.partition(".")[0], source, names, places, read, groups=groups)


def _loaded(config: DataConfig, split: str) -> LabelledImages | None:
    load = load_part(FIELD, config.dataset)
    try:
        found = load(split, None if config.path is None else Path(config.path).expanduser())
    except Exception as error:  # a user's code may raise anything
        said = " ".join(str(error).split())
        raise InputError(f"{FIELD}: {_named(config)}({split!r}, …) raises {type(error).__name__}: {said}") from None
    if found is None or isinstance(found, LabelledImages):
        return found
    if isinstance(found, tuple) and len(found) in (2, 3):
        return LabelledImages(*found)
    raise InputError(
        f"{FIELD}: {_named(config)} must return LabelledImages, (images, labels), (images, labels, groups) or None, "
        f"but gave {type(found).__name__}"
    )


def _images(config: DataConfig, found: LabelledImages, split: str) -> Images:
    images = np.asarray(found.images)
    if images.ndim == 3:
        images = images[:, None]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
        raise InputError(
            f"{FIELD}: the images of {_named(config)} must be [N, C, H, W] uint8 with 1 or 3 channels, but those of "
            f"{split!r} are {list(images.shape)} {images.dtype}"
        )
    return images


def _named(config: DataConfig) -> str:
    path: str = config.dataset.partition("#")[0]
    return path


def can_read_files(config: DataConfig) -> bool:
    """Whether the module of the user's dataset has the function `read_image`.

    Raises InputError if the dataset cannot be imported, or if its source does not have the hash in the config.
    """
    load_part(FIELD, config.dataset)
    return callable(getattr(_module(config), READER, None))


def read_each(config: DataConfig, paths: Sequence[Path], channels: int) -> Iterator[NDArray[np.uint8] | str]:
    """For each path, yield the image that the user's `read_image` returns, or a text: why the file cannot be used.

    Images are [C, H, W] uint8.

    Args:
        config: names the dataset.
        paths: the files' paths.
        channels: how many channels the model's training images have; every image needs as many. All images must have
            the size of the first usable one.
    """
    read, shape = getattr(_module(config), READER), None
    for path in paths:
        try:
            image = np.asarray(read(path))
        except Exception as error:  # a user's code may raise anything
            yield f"{READER} raises {type(error).__name__}: {' '.join(str(error).split())}"
            continue
        image = image[None] if image.ndim == 2 else image
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[0] != channels:
            yield f"{READER} gives {list(image.shape)} {image.dtype}, but [{channels}, H, W] uint8 is needed"
        elif shape not in (None, image.shape):
            yield f"{READER} gives {list(image.shape)}, but {list(shape)} for the first"
        else:
            shape = image.shape
            yield image


def _module(config: DataConfig) -> Any:
    return importlib.import_module(config.dataset.partition(":")[0])
