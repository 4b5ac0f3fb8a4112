"""Sentences for `afcl data check` about images that are changed when they are read.

Every file is opened again, because a cached array does not tell what its file was like.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from trainers.data.io.fit import DONE, same_shape
from trainers.data.io.items import Item, counted_names
from trainers.data.io.look import Look
from trainers.data.io.orientation import orientation_of
from trainers.data.io.progress import tracked
from trainers.data.io.sixteen_bit import FULL, Kind, in_words, kind_of, read_deep
from trainers.data.io.transparency import correct_transparent_level, may_be_transparent

KIND_WORDS: dict[Kind, str] = {"integers": "16 bits", "floats": "floats"}
LONGEST = 150  # characters shown of a warning from Pillow


@dataclass
class Found:
    """How many images were looked at, and the files to which each remark applies."""

    images: int = 0
    transparent: list[str] = field(default_factory=list)
    reshaped: list[str] = field(default_factory=list)
    several: list[str] = field(default_factory=list)
    damaged_exif: list[str] = field(default_factory=list)
    deep: dict[Kind, list[str]] = field(default_factory=dict)
    warned: dict[str, list[str]] = field(default_factory=dict)  # files by Pillow's warning


def survey(items: Sequence[Item], look: Look, *, resized: bool) -> Iterator[str]:
    """Sentences on which of the images `items` are changed when they are read. All of them must be readable.

    `look` is what images are brought to; `resized` says whether this includes its size.
    """
    found = Found()
    for item in tracked(items, len(items), "Looking again"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _look_at(item, look, found, resized=resized)
        for text in {" ".join(str(one.message).split())[:LONGEST] for one in caught}:
            found.warned.setdefault(text, []).append(item.file)
    yield from _in_words(found, look)


def _look_at(item: Item, look: Look, found: Found, *, resized: bool) -> None:
    found.images += 1
    with Image.open(item.path) as image:
        if resized and not same_shape(image.size, look.size):  # a square has the same shape however it is turned
            found.reshaped.append(item.file)
        kind = kind_of(image)
        if kind is not None:
            found.deep.setdefault(kind, []).append(item.file)
        if may_be_transparent(image) and _is_transparent(image, item.path, kind):
            found.transparent.append(item.file)
        # not for a PNG without EXIF before its pixels: Pillow would decode it to look for EXIF behind them
        if (image.format != "PNG" or "exif" in image.info) and orientation_of(image) is None:
            found.damaged_exif.append(item.file)
        if _has_several(image):
            found.several.append(item.file)


def _has_several(image: Image.Image) -> bool:
    """Whether a file has several frames or pages. True also if Pillow fails to tell: the second may be damaged."""
    try:
        # an MPO is a phone's JPEG with a preview as its second frame
        return image.format != "MPO" and bool(getattr(image, "is_animated", False))
    except Exception:  # it may raise any kind
        return True


def _is_transparent(image: Image.Image, path: Path, kind: Kind | None) -> bool:
    if kind is not None:
        alpha = read_deep(path).alpha
        return alpha is not None and int(alpha.min()) < 255
    correct_transparent_level(image)
    lowest, _ = image.convert("RGBA").getchannel("A").getextrema()
    return isinstance(lowest, int) and lowest < 255


def _in_words(found: Found, look: Look) -> Iterator[str]:
    if found.transparent:
        yield f"transparency: {_images(found.transparent)} drawn on {look.background} (data.background)"
    if found.reshaped:
        size = "×".join(map(str, look.size))
        keep = " (data.fit: pad or crop keeps their shape)" if look.fit == "stretch" else ""
        yield f"shape: {len(found.reshaped):,} of {found.images:,} images are {DONE[look.fit]} {size}{keep}"
    for kind, files in sorted(found.deep.items()):
        scale = look.scales.get(kind, FULL)
        yield f"{KIND_WORDS[kind]}: {_images(files)} scaled: {in_words(scale)}, the training images' range, is 0..255"
    if found.several:
        yield f"frames: of {_images(found.several, verb='')}, which have several, the first is used"
    if found.damaged_exif:
        yield f"EXIF: {_images(found.damaged_exif)} not turned upright, because their EXIF is damaged"
    for text, files in sorted(found.warned.items()):
        yield f"Pillow says of {counted_names(files, 'image')}: {text}"


def _images(files: Sequence[str], verb: str | None = None) -> str:
    if verb is None:
        verb = " is" if len(files) == 1 else " are"
    return counted_names(files, "image") + verb
