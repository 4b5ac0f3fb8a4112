"""Images of more than 8 bits a channel: how their levels (the values of the file's pixels) become 0..255.

Scanners and microscopes write 12 bits into a file of 16, floats in 0..1, or Hounsfield units below zero. So the file's
type does not tell the brightest level; the training images do. Without negative levels, the levels from 0 to the next
full range (1 for floats; 255, 511, … 65,535 …) become 0..255. So a few more images seldom change the scale, and a file
that uses all of its 16 bits keeps its upper byte. With negative levels, the range from the darkest to the brightest
level becomes 0..255.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from trainers.data.io.orientation import TURNS, orientation_of

Kind: TypeAlias = Literal["integers", "floats"]
Scale: TypeAlias = tuple[float, float]  # the levels that become 0 and 255

# Of a file with 16 bits a channel, Pillow keeps the upper byte only. OTHER_BYTE maps the raw mode of such a file to the
# raw mode in which Pillow decodes the lower byte instead.
SWAPPED = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
OTHER_BYTE = {f"{mode};16{order}": f"{mode};16{other}" for mode in ("RGB", "RGBA") for order, other in SWAPPED.items()}
BOTH_BYTES = {"LA;16B": "RGBA"}  # decoded as RGBA, the four bytes of a pixel become its four channels
DEEP_COLOUR = {*OTHER_BYTE, *BOTH_BYTES}

FULL: Scale = (0, 65535)
PHOTOMETRIC = 262  # a TIFF's tag, whose value is 0 if level 0 is white


@dataclass(frozen=True)
class Levels:
    """The darkest and the brightest level in some images."""

    darkest: float
    brightest: float

    def __or__(self, other: Self) -> "Levels":
        """The smallest range that covers both."""
        return Levels(min(self.darkest, other.darkest), max(self.brightest, other.brightest))

    def scale(self, kind: Kind) -> Scale:
        """The levels that become 0 and 255; see the head of this file for the rule."""
        if self.darkest < 0:
            return self.darkest, self.brightest
        if kind == "floats" and self.brightest <= 1:
            return 0, 1
        return 0, 2 ** max(8, int(np.ceil(self.brightest)).bit_length()) - 1


@dataclass(frozen=True, eq=False)
class Deep:
    """An image of more than 8 bits a channel, with the levels that its file has."""

    samples: NDArray[Any]  # [H, W], or [H, W, 3] of colour
    alpha: NDArray[np.uint8] | None  # [H, W]; None: every pixel is opaque
    turn: Image.Transpose | None  # what turns it upright; None: it is upright
    white_is_zero: bool = False  # level 0 is white, as in scans of film

    def levels(self) -> Levels | None:
        """The range of the levels of all pixels that are not fully transparent; None if there are none."""
        shown = self.samples if self.alpha is None else self.samples[self.alpha > 0]
        return Levels(float(shown.min()), float(shown.max())) if shown.size else None

    def scaled(self, scale: Scale) -> Image.Image:
        """The upright image in 8 bits, as L, LA, RGB or RGBA. Levels beyond `scale` are clipped."""
        pixels = as_bytes(self.samples, scale)
        image = Image.fromarray(255 - pixels if self.white_is_zero else pixels)
        if self.alpha is not None:
            image.putalpha(Image.fromarray(self.alpha))
        return image if self.turn is None else image.transpose(self.turn)


def kind_of(image: Image.Image) -> Kind | None:
    """Whether the levels of an image are integers or floats, from its header; None for an image of 8 bits a channel."""
    if image.mode == "F":
        return "floats"
    return "integers" if image.mode == "I" or image.mode.startswith("I;16") or _is_deep_colour(image) else None


def white_is_zero(image: Image.Image) -> bool:
    """Whether an image is a TIFF of more than 8 bits in which level 0 is white. Pillow inverts those of 8 bits only."""
    return kind_of(image) is not None and isinstance(image, TiffImageFile) and image.tag_v2.get(PHOTOMETRIC) == 0


def has_full_scale(image: Image.Image) -> bool:
    """Whether a channel of an image has 16 bits, so that its brightest level may be taken to be 65,535.

    This is done only if no training image with integer levels of more than 8 bits tells the range.
    """
    return image.mode.startswith("I;16") or _is_deep_colour(image)


def read_deep(path: Path) -> Deep:
    """Read a file of more than 8 bits. Raises what its decoder raises, and ValueError for a non-finite level."""
    with Image.open(path) as image:
        raw = _raw_mode(image) if _is_deep_colour(image) else None
        if raw is not None and raw in BOTH_BYTES:
            pixels = _read_as(image, BOTH_BYTES[raw]).astype(np.uint16)
            grey, opacity = pixels[..., 0] << 8 | pixels[..., 1], pixels[..., 2].astype(np.uint8)
            return Deep(np.repeat(grey[..., None], 3, axis=2), opacity, _turn(image))  # RGB, as Pillow's mode is RGBA
        samples = np.asarray(image)
        if samples.dtype.kind == "f" and not np.isfinite(samples).all():
            raise ValueError("has levels that are no finite numbers")
        turn, clear, falls = _turn(image), image.info.get("transparency"), white_is_zero(image)
    alpha: NDArray[np.uint8] | None = None
    if raw is not None:
        with Image.open(path) as image:
            samples = samples.astype(np.uint16) << 8 | _read_as(image, OTHER_BYTE[raw])
        if samples.shape[2] == 4:
            samples, alpha = samples[..., :3], (samples[..., 3] >> 8).astype(np.uint8)
    if clear is not None:  # the level or colour that a PNG declares transparent
        same = (samples == np.asarray(clear)).reshape(*samples.shape[:2], -1).all(axis=2)
        alpha = np.where(same, 0, 255).astype(np.uint8)
    return Deep(samples, alpha, turn, falls)


def as_bytes(samples: NDArray[Any], scale: Scale) -> NDArray[np.uint8]:
    """Levels scaled to 0..255, in the same shape. Levels beyond the scale are clipped."""
    low, high = scale
    if samples.dtype.kind in "iu" and low == 0 and high >= 255 and (int(high) + 1).bit_count() == 1:
        whole = np.clip(samples, 0, int(high))  # exact: for a full 16-bit scale it is the upper byte
        scaled = whole >> (int(high).bit_length() - 8)
    else:
        span = high - low or 1.0  # images of one level alone are black
        scaled = np.rint(np.clip((samples - np.float64(low)) / span, 0, 1) * 255)
    return np.asarray(scaled, np.uint8)


def in_words(scale: Scale) -> str:
    """A scale as text, such as 0..4,095."""
    return "..".join(f"{level:,.6g}" if level != int(level) else f"{int(level):,}" for level in scale)


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What turns a loaded image upright; None if it is upright, as a TIFF is: Pillow turns it while loading it."""
    return TURNS.get(orientation_of(image) or 1)


def _read_as(image: Image.Image, raw: str) -> NDArray[np.uint8]:
    """The pixels of a file that is not loaded yet, decoded in the raw mode `raw` instead of its own."""
    assert isinstance(image, ImageFile.ImageFile)
    image.tile = [
        tile._replace(args=raw if isinstance(tile.args, str) else (raw, *(tile.args or ())[1:])) for tile in image.tile
    ]
    return np.asarray(image)


def _raw_mode(image: Image.Image) -> str:
    tile = getattr(image, "tile", None)
    args = tile[0].args if tile else ""
    return args if isinstance(args, str) else str(args[0]) if args else ""


def _is_deep_colour(image: Image.Image) -> bool:
    return image.format in ("PNG", "TIFF") and image.mode in ("RGB", "RGBA") and _raw_mode(image) in DEEP_COLOUR
