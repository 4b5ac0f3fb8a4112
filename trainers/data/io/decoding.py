"""Decode image files, several at once, into arrays of one shape; collect every file that cannot be used.

An image is turned as its EXIF says, composed on the background where it is transparent, made grey or RGB, and brought
to the size of the `Look`. If it has more than 8 bits a channel, the range of brightness in the training images becomes
0..255.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainers.data.arrays import Images, Indices
from trainers.data.io.fit import fitted
from trainers.data.io.items import BrokenImages, Item, reason, refuse
from trainers.data.io.look import Look
from trainers.data.io.orientation import upright
from trainers.data.io.progress import tracked
from trainers.data.io.quiet import hush
from trainers.data.io.sixteen_bit import FULL, has_full_scale, kind_of, read_deep
from trainers.data.io.transparency import correct_transparent_level, on_background
from trainers.errors import InputError

THREADS = 4  # Pillow lets go of the interpreter's lock while it decodes


def decode_blocks(
    items: Sequence[Item],
    decode: Callable[[Path], NDArray[np.uint8]],
    blocks: Sequence[Indices],
    broken: Mapping[str, str],
) -> Iterator[tuple[int, Images]]:
    """Decode blocks of images, and yield each block's index in `blocks` with its images [n, C, H, W].

    A block is an array of positions in `items`. `decode` turns one file into [H, W, C] and may raise any exception.
    `broken` maps files that are known to be unusable to reasons; these files are not opened. A block with an unusable
    file is not yielded. After the last block, BrokenImages is raised with all unusable files, known or found.
    """
    hush()
    found = dict(broken)

    def try_to(item: Item) -> NDArray[np.uint8] | None:
        if item.file not in broken:
            try:
                return decode(item.path)
            except Exception as error:  # a decoder may raise any kind
                found[item.file] = reason(error, item.path)
        return None

    total = sum(map(len, blocks))
    threads = ThreadPoolExecutor(THREADS)
    try:
        # one block at a time, so that at most one block of decoded images waits in memory
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
        next(decoded, None)  # ends the progress bar
    finally:
        threads.shutdown(cancel_futures=True)  # else Ctrl-C would wait for all remaining files
    refuse(found)


def read_files(paths: Sequence[Path], plain: Mapping[str, Any]) -> Images:
    """Read image files in the form of a model's training images: [N, C, H, W].

    `plain` is the `Look` of those images (size, channels …), as the dict that a checkpoint holds. Raises InputError
    with the number of files that cannot be used, and the names of the first few.
    """
    look = Look.from_plain(plain)
    items = [Item("", str(path), path) for path in paths]
    images = np.empty((len(items), *look.shape), np.uint8)
    if not items:
        return images
    try:
        for _, block in decode_blocks(
            items, partial(decode_image, look=look, resize=True), [np.arange(len(items))], {}
        ):
            images[:] = block
    except BrokenImages as error:
        raise InputError(str(error)) from None
    return images


def read_each(paths: Sequence[Path], plain: Mapping[str, Any], at_once: int = 256) -> Iterator[NDArray[np.uint8] | str]:
    """Read image files on several threads; yield, in the order of `paths`, [C, H, W] uint8 or why a file is unusable.

    Args:
        paths: the files' paths.
        plain: the `Look` to which images are brought (size, channels …), as the dict that a checkpoint holds.
        at_once: how many images at most are in memory at the same time.
    """
    hush()
    look = Look.from_plain(plain)

    def read(path: Path) -> NDArray[np.uint8] | str:
        try:
            return decode_image(path, look, resize=True).transpose(2, 0, 1)
        except Exception as error:  # a decoder may raise any kind
            return reason(error, path)

    with ThreadPoolExecutor(THREADS) as threads:
        for start in range(0, len(paths), at_once):
            yield from threads.map(read, paths[start : start + at_once])


def decode_image(path: Path, look: Look, *, resize: bool) -> NDArray[np.uint8]:
    """One image as [H, W, C], in the size and mode of `look`. Raises what `seen_image` raises.

    resize: whether to resize an image of another size; if False, such an image raises ValueError.
    """
    image = seen_image(path, look).convert(look.mode)
    if resize:
        image = fitted(image, look.size, look.fit, look.colour)
    elif image.size != look.size:
        raise ValueError(
            f"is {image.size[0]}×{image.size[1]}, others are {look.size[0]}×{look.size[1]}; give data.image_size"
        )
    return np.asarray(image).reshape(look.size[1], look.size[0], -1)


def seen_image(path: Path, look: Look) -> Image.Image:
    """One image as a person sees it: upright, opaque, 8 bits a channel. Size and mode are not yet those of `look`.

    Raises ValueError if the image has more than 8 bits and no range is known for it, and what its decoder raises.
    """
    with Image.open(path) as opened:
        kind = kind_of(opened)
        if kind is None:
            correct_transparent_level(opened)
            return on_background(upright(opened), look.colour)
        scale = look.scales.get(kind, FULL if has_full_scale(opened) else None)
    if scale is None:
        raise ValueError("has more than 8 bits, but no training image has, so its range of brightness is not known")
    return on_background(read_deep(path).scaled(scale), look.colour)
