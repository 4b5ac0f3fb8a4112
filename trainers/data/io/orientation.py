"""An image's orientation from its EXIF, even where other parts of the EXIF block are damaged.

Pillow's own `exif_transpose` also rewrites the EXIF block, and fails if one tag has the wrong type.
"""

import os

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

ORIENTATION = 0x0112
UPRIGHT = 1
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
EMPTY_BLOCK = 24  # bytes that a block without any tag may have
SIDEWAYS = (5, 6, 7, 8)  # orientations in which width and height change places


def upright(image: Image.Image) -> Image.Image:
    """The image, loaded and turned upright as its EXIF says; not turned if the EXIF cannot be read."""
    image.load()  # Pillow turns a TIFF while loading it
    turn = TURNS.get(orientation_of(image) or UPRIGHT)
    return image if turn is None else image.transpose(turn)


def seen_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of the upright image, which may not be loaded yet.

    Raises what the decoder raises: a PNG may have its EXIF behind the pixels, and then they must be read.
    """
    width, height = image.size
    if width == height:
        return width, height
    if image.format == "PNG" and "exif" not in image.info:
        if not _has_exif_behind(image):
            return width, height  # `getexif` would read the pixels
        image.load()
    is_swapped = isinstance(image, TiffImageFile) and image.tag_v2.get(ORIENTATION) in SIDEWAYS
    return (height, width) if (orientation_of(image) in SIDEWAYS) != is_swapped else (width, height)


def _has_exif_behind(image: Image.Image) -> bool:
    """Whether a PNG may have an EXIF chunk behind its pixels, which Pillow finds only after it has read them."""
    file = getattr(image, "fp", None)
    if file is None:
        return True
    before = file.tell()
    try:
        file.seek(8)  # behind the signature
        while len(head := file.read(8)) == 8:
            if head[4:] == b"eXIf":
                return True
            file.seek(int.from_bytes(head[:4], "big") + 4, os.SEEK_CUR)  # the content and its checksum
        return False
    finally:
        file.seek(before)


def orientation_of(image: Image.Image) -> int | None:
    """The orientation, 1 to 8, where 1 is upright or not given; None if the EXIF block is damaged."""
    try:
        tags = image.getexif()
        if not len(tags) and len(image.info.get("exif", b"")) > EMPTY_BLOCK:
            return None  # Pillow failed on it before, and does not warn twice
        found = tags.get(ORIENTATION, UPRIGHT)
        return next((number for number in TURNS if found == number), UPRIGHT)
    except Exception:  # a damaged block may raise any kind of exception
        return None
