"""A folder of one's own images: a subfolder per class, or a `labels.csv` with the columns `file` and `label`.

    mine/cat/1.png  mine/dog/2.png            classes are the subfolders' names
    mine/labels.csv mine/1.png ...            `file` is relative to the CSV's folder
    mine/train/...  mine/test/...             either of the two in each: with a test split that searches never open

Classes and files are used in sorted order, however the disk or the CSV lists them. All images are made alike: grey if
every training image of the chosen classes is grey, else RGB; turned as their EXIF says; squeezed into a square of
`image_size`, or kept at their size if all have the same. Hidden files, and in class folders files that are no images
by their suffix, are passed over.
"""

import csv
import itertools
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from trainers.config import DataConfig, printable
from trainers.data.arrays import Images, Indices, Pool
from trainers.data.io import cache
from trainers.data.io.decoding import (
    SUFFIXES,
    UNREADABLE,
    BrokenImages,
    Item,
    Look,
    decode_blocks,
    decode_image,
    named,
    reason,
    refuse,
)
from trainers.data.io.progress import tracked
from trainers.data.paths import given_folder
from trainers.errors import InputError

GREY_MODES = {"1", "L", "LA", "La"}


def open_train(config: DataConfig, root: Path) -> Pool:
    """The images of `train/`, or of the folder itself where it is not divided."""
    top = _given(config)
    items = list_images(top, _part(top, "train"))
    return _pool(config, root, items, items)


def open_test(config: DataConfig, root: Path) -> Pool | None:
    """The images of `test/` beside `train/`; None where the folder is not divided."""
    top = _given(config)
    if missing_test(config, root) is not None:
        return None
    return _pool(config, root, list_images(top, _part(top, "train")), list_images(top, _part(top, "test")))


def missing_test(config: DataConfig, root: Path) -> str | None:
    """What to do for a test split; None where there is one. It takes other images: those of a search must stay."""
    top = _given(config)
    if _part(top, "train") == top:
        return (
            f"move what is in {top} into {top / 'train'} and lay other images, arranged alike, into {top / 'test'} "
            "(a search that has run stays good)"
        )
    if not _holds_images(top / "test"):
        return f"lay images that no search has seen, arranged like those in train, into {top / 'test'}"
    return None


def _given(config: DataConfig) -> Path:
    if config.path is None:
        raise InputError("data.path: dataset: folder needs path, the folder of images")
    top = given_folder(config.path)
    if not _holds_images(top):
        raise InputError(f"data.path: {top} has neither a subfolder per class nor a labels.csv")
    return top


def _part(top: Path, split: Literal["train", "test"]) -> Path:
    """The folder of a split. A class may be called train: it is a split only if it is arranged like one."""
    if _holds_images(top / "train"):
        return top / split
    if _holds_images(top / "test") and not (top / "labels.csv").is_file():
        raise InputError(f"data.path: {top} has a test folder of classes, but no train folder beside it")
    return top


def _holds_images(folder: Path) -> bool:
    return (folder / "labels.csv").is_file() or (folder.is_dir() and bool(_subfolders(folder)))


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def list_images(top: Path, folder: Path) -> list[Item]:
    """All images of a folder, sorted by class and then by file."""
    items = _from_csv(top, folder) if (folder / "labels.csv").is_file() else _from_subfolders(top, folder)
    return sorted(items, key=lambda item: (item.label, item.file))


def _from_subfolders(top: Path, folder: Path) -> list[Item]:
    items = []
    for kind in _subfolders(folder):
        if inner := _subfolders(kind):
            raise InputError(f"data.path: {inner[0]} is a folder within a class; images must lie in {kind} itself")
        paths = [path for path in kind.iterdir() if path.suffix.lower() in SUFFIXES and path.name[0] != "."]
        if not paths:
            raise InputError(f"data.path: class folder {kind} holds no image")
        items += [Item(kind.name, path.relative_to(top).as_posix(), path) for path in paths]
    return items


def _from_csv(top: Path, folder: Path) -> list[Item]:
    table = folder / "labels.csv"
    items: dict[Path, Item] = {}
    missing = []
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.DictReader(lines, restval="")
            if not {"file", "label"} <= set(rows.fieldnames or ()):
                raise InputError(f"data.path: {table} needs the columns file and label, but has {rows.fieldnames}")
            for row in rows:
                file, label = row["file"].strip(), row["label"].strip()
                if not file or not label:
                    raise InputError(f"data.path: {table}, line {rows.line_num}: file and label must both be given")
                if not file.isprintable():  # a null byte, say, which no file system takes
                    raise InputError(f"data.path: {table}, line {rows.line_num}: {printable(file)} is no file's name")
                path = (folder / file).resolve()  # one name for a file, however it is written
                if path in items:
                    raise InputError(f"data.path: {table}, line {rows.line_num}: {file} is listed twice")
                items[path] = Item(label, file, path)
                if not path.is_file():
                    missing.append(file)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"data.path: {table} is no CSV file in UTF-8: {error}") from None
    if missing:
        raise InputError(f"data.path: {table} names {named(missing, 'file')} not there")
    if not items:
        raise InputError(f"data.path: {table} lists no image")
    return list(items.values())


def _pool(config: DataConfig, root: Path, train: Sequence[Item], items: Sequence[Item]) -> Pool:
    class_names = tuple(sorted({item.label for item in train}))
    position = {name: k for k, name in enumerate(class_names)}
    for item in items:
        if item.label not in position:
            raise InputError(f"data.path: test class {item.label!r} is not among the training classes")
    labels = np.array([position[item.label] for item in items], dtype=np.int64)
    chosen = set(config.classes or class_names)
    used = [item.label in chosen for item in items]  # no others are opened
    place = np.cumsum(used) - 1  # of each image among those

    def read(indices: Indices) -> Images:
        alike = [item for item in train if item.label in chosen]
        opened = list(itertools.compress(items, used))
        try:
            return read_images(root, alike, opened, place[indices], config.image_size)
        except BrokenImages as error:
            raise InputError(f"data.path: {error}") from None

    return Pool("Own images", "a folder", class_names, labels, read)


def read_images(
    root: Path, training: Sequence[Item], items: Sequence[Item], indices: Indices, side: int | None
) -> Images:
    """The images of `items` at `indices`, made like each other; what they are like is decided by all of `training`.

    So neither a ratio nor a test image can change what the training images look like. Raises BrokenImages with the
    names of all files that cannot be used.
    """
    look, broken = common_look(training, side)
    recipe = cache.Recipe(
        name="folder",
        files=[item.path.absolute() for item in items],
        images=len(items),
        shape=look.shape,
        how=look.how,
    )
    decode = partial(decode_image, look=look, resize=side is not None)
    images = cache.read(root, recipe, partial(decode_blocks, items, decode, broken=broken), indices)
    refuse(broken)  # also where nothing had to be decoded
    return images


def common_look(items: Sequence[Item], side: int | None) -> tuple[Look, dict[str, str]]:
    """The look that all `items` can share, from their headers alone, and what is wrong with those that have none."""
    broken: dict[str, str] = {}
    examples: dict[tuple[int, int], str] = {}
    grey = True
    for item in tracked(items, len(items), "Looking at images"):
        try:
            with Image.open(item.path) as image:
                examples.setdefault(image.size, item.file)
                grey = grey and _is_grey(image)
        except UNREADABLE as error:
            broken[item.file] = reason(error)
    if not examples:
        refuse(broken)
    if side is None and len(examples) > 1:
        (one, first), (other, second) = list(examples.items())[:2]
        raise InputError(
            "data.image_size: must be given where images differ in size, as"
            f" {first} ({one[0]}×{one[1]}) and {second} ({other[0]}×{other[1]}) do"
        )
    size = (side, side) if side is not None else next(iter(examples))
    return Look("L" if grey else "RGB", size), broken


def _is_grey(image: Image.Image) -> bool:
    return image.mode in GREY_MODES or image.mode.startswith("I;16")
