"""How an image gets the size that all share: stretched, padded, or cropped to its middle."""

from typing import Literal, TypeAlias

from PIL import Image

from trainers.data.io.transparency import Colour

Fit: TypeAlias = Literal["stretch", "pad", "crop"]
DONE = {"stretch": "stretched to", "pad": "padded to", "crop": "cropped to"}  # in words


def fitted(image: Image.Image, size: tuple[int, int], fit: Fit, background: Colour) -> Image.Image:
    """An image of mode L or RGB in the size asked for (width, height), by bilinear resampling.

    pad keeps the whole image and its shape, on the background; crop keeps its shape and the largest middle part.
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
    """Whether width / height is the same."""
    return one[0] * other[1] == one[1] * other[0]
