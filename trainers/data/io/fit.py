"""Bring an image to the size that all images share: stretched, padded, or cropped to its middle."""

from typing import Literal, TypeAlias

from PIL import Image

from trainers.data.io.transparency import Colour

Fit: TypeAlias = Literal["stretch", "pad", "crop"]
DONE = {"stretch": "stretched to", "pad": "padded to", "crop": "cropped to"}  # in words


def fitted(image: Image.Image, size: tuple[int, int], fit: Fit, background: Colour) -> Image.Image:
    """An image of mode L or RGB, resampled bilinearly to `size` (width, height).

    stretch changes the image's shape. pad shows the whole image, with a margin of `background`; crop shows the largest
    part around its middle.
    """
    if fit == "stretch" or same_shape(image.size, size):
        return image.resize(size, Image.Resampling.BILINEAR)
    width, height = image.size
    if fit == "crop":
        scale = max(size[0] / width, size[1] / height)
        kept = min(width, size[0] / scale), min(height, size[1] / scale)
        left, top = (width - kept[0]) / 2, (height - kept[1]) / 2
        return image.resize(size, Image.Resampling.BILINEAR, box=(left, top, width - left, height - top))
    scale = min(size[0] / width, size[1] / height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    paper = Image.new("RGB", size, background).convert(image.mode)
    place = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    paper.paste(image.resize(inner, Image.Resampling.BILINEAR), place)
    return paper


def same_shape(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two sizes have the same ratio of width to height."""
    return one[0] * other[1] == one[1] * other[0]
