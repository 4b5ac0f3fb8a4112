"""The headers of image files, from which their common look is decided."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from trainers.data.io import sixteen_bit
from trainers.data.io.orientation import seen_size
from trainers.data.io.transparency import may_be_transparent

GREY_MODES = {"1", "L", "LA", "La", "I", "F"}


@dataclass(frozen=True)
class Header:
    """One image, before its pixels are read."""

    size: tuple[int, int]  # width, height
    is_grey: bool
    may_be_transparent: bool
    deep: sixteen_bit.Kind | None  # the kind of its levels; None if it has 8 bits
    white_is_zero: bool  # whether level 0 is white; only if it has more than 8 bits


def read_header(path: Path, *, seen: bool) -> Header:
    """Read one header. Raises what its decoder raises.

    With `seen`, the size is that of the upright image; this may take reading the pixels.
    """
    with Image.open(path) as image:
        return Header(
            is_grey=image.mode in GREY_MODES or image.mode.startswith("I;16"),
            may_be_transparent=may_be_transparent(image),
            deep=sixteen_bit.kind_of(image),
            white_is_zero=sixteen_bit.white_is_zero(image),
            size=seen_size(image) if seen else image.size,  # last, as it may load the pixels
        )
