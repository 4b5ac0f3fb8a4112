"""Image files made into arrays that all look alike, several at once; every file that cannot be used, by name.

An image is turned as its EXIF says, made grey or RGB, and squeezed into the size asked for.
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from trainers.config import printable
from trainers.data.arrays import Images, Indices
from trainers.data.io.progress import tracked

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)
THREADS = 4  # Pillow lets go of the interpreter's lock while it decodes


class BrokenImages(Exception):
    """Files that are not usable, with the reason of each; the message tells how many and the first five."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        told = [f"{file} ({why})" for file, why in sorted(reasons.items())]
        super().__init__(f"{named(told, 'image')} not usable")


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

    @property
    def how(self) -> str:
        """All else that decides the pixels: another Pillow may round otherwise."""
        return f"{self.mode}, bilinear, Pillow {PIL.__version__}"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return (1 if self.mode == "L" else 3, self.size[1], self.size[0])


def decode_blocks(
    items: Sequence[Item],
    decode: Callable[[Path], NDArray[np.uint8]],
    blocks: Sequence[Indices],
    broken: Mapping[str, str],
) -> Iterator[tuple[int, Images]]:
    """Decode blocks of `items`, given as positions, and yield each whole block with its place in `blocks`.

    decode: one file -> [H, W, C]; raises one of UNREADABLE. broken: what is known to be wrong, file -> reason; those
    files are not opened, and a block with a broken file is not yielded. Raises BrokenImages at the end, with all that
    is broken, known or found.
    """
    found = dict(broken)

    def try_to(item: Item) -> NDArray[np.uint8] | None:
        if item.file not in broken:
            try:
                return decode(item.path)
            except UNREADABLE as error:
                found[item.file] = reason(error)
        return None

    total = sum(map(len, blocks))
    threads = ThreadPoolExecutor(THREADS)
    try:
        # a block at a time, so that no more than one waits in memory for its reader
        decoded = tracked(
            (image for block in blocks for image in threads.map(try_to, [items[k] for k in block])),
            total,
            "Decoding images",
        )
        for place, block in enumerate(blocks):
            images = [next(decoded) for _ in block]
            whole = [image for image in images if image is not None]
            if len(whole) == len(images):
                yield place, np.stack(whole).transpose(0, 3, 1, 2)
        next(decoded, None)  # ends its progress bar
    finally:
        threads.shutdown(cancel_futures=True)  # else Ctrl-C would wait for all the rest
    refuse(found)


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


def reason(error: BaseException) -> str:
    """Why a file cannot be used, to stand in brackets behind its name."""
    if isinstance(error, UnidentifiedImageError):
        return "is no image"
    return " ".join(str(error).split()) or type(error).__name__


def refuse(broken: Mapping[str, str]) -> None:
    """Raise BrokenImages if any are: file -> reason."""
    if broken:
        raise BrokenImages(broken)


def named(names: Sequence[str], what: str) -> str:
    """Begin a sentence about files: how many, the first five by name, and the verb."""
    count, more = len(names), len(names) - 5
    shown = printable(", ".join(names[:5])) + (f" and {more} more" if more > 0 else "")
    return f"{count} {what}{'s' if count > 1 else ''} ({shown}) that {'are' if count > 1 else 'is'}"
