"""The headers of image files, which decide the size and colours that all images are brought to (look.py)."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from trainers.data.io import sixteen_bit
from trainers.data.io.orientation import seen_size
from trainers.data.io.transparency import may_be_transparent

GREY_MODES = {"1", "L", "LA", "La", "I", "F"}


@dataclass(frozen=True)
class Header:
    """What the header of an image file tells."""

    size: tuple[int, int]  # width, height
    is_grey: bool
    may_be_transparent: bool
    deep: sixteen_bit.Kind | None  # integers or floats; None if a channel has 8 bits
    white_is_zero: bool  # whether level 0 is white; False for 8 bits


def read_header(path: Path, *, seen: bool) -> Header:
    """Read one header. Raises what its decoder raises.

    With `seen`, the size is that of the upright image; to know this size, the pixels may have to be read.
    """
    with Image.open(path) as image:
        return Header(
            is_grey=image.mode in GREY_MODES or image.mode.startswith("I;16"),
            may_be_transparent=may_be_transparent(image),
            deep=sixteen_bit.kind_of(image),
            white_is_zero=sixteen_bit.white_is_zero(image),
            size=seen_size(image) if seen else image.size,  # last, as it may load the pixels
        )
