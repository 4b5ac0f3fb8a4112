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
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from trainers.config import DataConfig, printable
from trainers.data.arrays import Images, Indices, Pool
from trainers.data.paths import given_folder
from trainers.data.progress import tracked
from trainers.errors import InputError

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
GREY_MODES = {"1", "L", "LA", "La"}
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)
THREADS = 4  # Pillow lets go of the interpreter's lock while it decodes


@dataclass(frozen=True)
class Item:
    """One listed image, not opened yet. Its order is the order of use."""

    label: str
    file: str  # relative to the given folder, for messages
    path: Path


@dataclass(frozen=True)
class Look:
    """What every image is made into."""

    mode: Literal["L", "RGB"]
    size: tuple[int, int]  # width, height


def open_train(config: DataConfig, root: Path) -> Pool:
    """The images of `train/`, or of the folder itself where it is not divided."""
    top = _given(config)
    items = list_images(top, _part(top, "train"))
    return _pool(config, items, items)


def open_test(config: DataConfig, root: Path) -> Pool | None:
    """The images of `test/` beside `train/`; None where the folder is not divided."""
    top = _given(config)
    train, test = _part(top, "train"), _part(top, "test")
    if train == top or not _holds_images(test):
        return None
    return _pool(config, list_images(top, train), list_images(top, test))


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
                path = (folder / file).resolve()  # one name for a file, however it is written
                if path in items:
                    raise InputError(f"data.path: {table}, line {rows.line_num}: {file} is listed twice")
                items[path] = Item(label, file, path)
                if not path.is_file():
                    missing.append(file)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"data.path: {table} is no CSV file in UTF-8: {error}") from None
    if missing:
        raise InputError(f"data.path: {table} names {_some(missing, 'file')} not there")
    if not items:
        raise InputError(f"data.path: {table} lists no image")
    return list(items.values())


def _pool(config: DataConfig, train: Sequence[Item], items: Sequence[Item]) -> Pool:
    class_names = tuple(sorted({item.label for item in train}))
    position = {name: k for k, name in enumerate(class_names)}
    for item in items:
        if item.label not in position:
            raise InputError(f"data.path: test class {item.label!r} is not among the training classes")
    labels = np.array([position[item.label] for item in items], dtype=np.int64)
    chosen = set(config.classes or class_names)

    def read(indices: Indices) -> Images:
        return read_images(
            [item for item in train if item.label in chosen], [items[k] for k in indices], config.image_size
        )

    return Pool("Own images", "a folder", class_names, labels, read)


def read_images(training: Sequence[Item], wanted: Sequence[Item], side: int | None) -> Images:
    """Decode `wanted`, made like each other; what they are made like is decided by all of `training`.

    So neither a ratio nor a test image can change what the training images look like. Raises InputError with the
    names of all the files that cannot be used.
    """
    look, broken = common_look(training, side)
    channels = 1 if look.mode == "L" else 3
    images = np.empty((len(wanted), look.size[1], look.size[0], channels), dtype=np.uint8)

    def decode(item: Item) -> NDArray[np.uint8] | str:
        try:
            return decode_image(item.path, look, resize=side is not None)
        except UNREADABLE as error:
            return _reason(error)

    threads = ThreadPoolExecutor(THREADS)
    try:
        decoded = tracked(threads.map(decode, wanted), len(wanted), "Decoding images")
        for k, (item, image) in enumerate(zip(wanted, decoded, strict=True)):
            if isinstance(image, str):
                broken[item.file] = image
            else:
                images[k] = image
    finally:
        threads.shutdown(cancel_futures=True)  # else Ctrl-C would wait for all the rest
    _refuse(broken)
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


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
            broken[item.file] = _reason(error)
    if not examples:
        _refuse(broken)
    if side is None and len(examples) > 1:
        (one, first), (other, second) = list(examples.items())[:2]
        raise InputError(
            "data.image_size: must be given where images differ in size, as"
            f" {first} ({one[0]}×{one[1]}) and {second} ({other[0]}×{other[1]}) do"
        )
    size = (side, side) if side is not None else next(iter(examples))
    return Look("L" if grey else "RGB", size), broken


def decode_image(path: Path, look: Look, *, resize: bool) -> NDArray[np.uint8]:
    """One image as [H, W, C]. Raises one of UNREADABLE for what cannot be decoded or has another size."""
    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I;16"):
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        elif image.mode in ("I", "F"):
            raise ValueError(f"mode {image.mode} has no fixed range of brightness")
        elif image.mode == "P" and "transparency" in image.info:
            image = image.convert("RGBA")
        image = image.convert(look.mode)
        if resize:
            image = image.resize(look.size, Image.Resampling.BILINEAR)
        elif image.size != look.size:
            raise ValueError(
                f"is {image.size[0]}×{image.size[1]}, others are {look.size[0]}×{look.size[1]}; give data.image_size"
            )
        return np.asarray(image).reshape(look.size[1], look.size[0], -1)


def _is_grey(image: Image.Image) -> bool:
    return image.mode in GREY_MODES or image.mode.startswith("I;16")


def _reason(error: BaseException) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "is no image"
    return " ".join(str(error).split()) or type(error).__name__


def _refuse(broken: dict[str, str]) -> None:
    if broken:
        told = [f"{file} ({reason})" for file, reason in sorted(broken.items())]
        raise InputError(f"data.path: {_some(told, 'image')} not usable")


def _some(names: Sequence[str], what: str) -> str:
    """Begin a sentence about files: how many, the first five by name, and the verb."""
    count, more = len(names), len(names) - 5
    shown = printable(", ".join(names[:5])) + (f" and {more} more" if more > 0 else "")
    return f"{count} {what}{'s' if count > 1 else ''} ({shown}) that {'are' if count > 1 else 'is'}"
