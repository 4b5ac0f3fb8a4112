"""The look (size, colours, range of brightness) that all images of a dataset are brought to.

The images' headers and the config decide the look.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

import PIL

from trainers.data.io import levels
from trainers.data.io.fit import Fit
from trainers.data.io.headers import Header, read_header
from trainers.data.io.items import Item, reason, refuse
from trainers.data.io.progress import tracked
from trainers.data.io.quiet import hush
from trainers.data.io.sixteen_bit import FULL, Kind, Scale, in_words
from trainers.data.io.transparency import Colour, is_grey, rgb_of
from trainers.data_config import DataConfig
from trainers.errors import InputError


@dataclass(frozen=True)
class Look:
    """The size and colours that every image gets, and which brightness becomes black and white."""

    mode: Literal["L", "RGB"]
    size: tuple[int, int]  # width, height
    background: str = "white"
    fit: Fit = "stretch"
    scales: Mapping[Kind, Scale] = field(default_factory=dict)  # for more than 8 bits: levels that become 0 and 255
    has_background: bool = False  # whether the background may show through any image
    has_white_zero: bool = False  # whether level 0 is white in any image of more than 8 bits

    @property
    def how(self) -> str:
        """All that decides the pixels beside size and files, as text, such as Pillow's version, which affects rounding.

        The text names only what changes a pixel of these images, so arrays that older versions cached stay valid.
        """
        parts = [f"{self.mode}, bilinear, Pillow {PIL.__version__}"]
        if self.fit != "stretch":
            parts.append(self.fit)
        if self.has_background or self.fit == "pad":
            parts.append("on #{:02x}{:02x}{:02x}".format(*self.colour))
        parts += [f"{in_words(scale)} as 0..255" for _, scale in sorted(self.scales.items()) if scale != FULL]
        parts += ["0 as white"] if self.has_white_zero else []
        return ", ".join(parts)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return (1 if self.mode == "L" else 3, self.size[1], self.size[0])

    @property
    def colour(self) -> Colour:
        """The background, as red, green and blue."""
        return rgb_of(self.background)

    def as_plain(self) -> dict[str, Any]:
        """The look as a dict of plain values, for a checkpoint or an export. The `has_` fields are only for `how`."""
        return {
            "mode": self.mode,
            "size": list(self.size),
            "background": self.background,
            "fit": self.fit,
            "scales": {kind: list(scale) for kind, scale in self.scales.items()},
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """The look that `as_plain` wrote."""
        scales = {kind: (low, high) for kind, (low, high) in plain["scales"].items()}
        width, height = plain["size"]
        return cls(plain["mode"], (width, height), plain["background"], plain["fit"], scales)


def common_look(items: Sequence[Item], config: DataConfig, root: Path) -> tuple[Look, dict[str, str]]:
    """The look that all `items` can share, and the files that cannot be read, with the reasons.

    The config and the images' headers decide the look, and so do the levels of images of more than 8 bits. Raises
    InputError if images differ in size and the config gives no size, BrokenImages if no header can be read.
    """
    broken: dict[str, str] = {}
    examples: dict[tuple[int, int], str] = {}
    deep: dict[Kind, list[Item]] = {}
    grey, transparent, white_zero = True, False, False
    side = config.image_size
    for item, header in headers(items, broken, seen=side is None):
        examples.setdefault(header.size, item.file)
        grey = grey and header.is_grey
        transparent = transparent or header.may_be_transparent
        white_zero = white_zero or header.white_is_zero
        if header.deep is not None:
            deep.setdefault(header.deep, []).append(item)
    if not examples:
        refuse(broken)
    if side is None and len(examples) > 1:
        (one, first), (other, second) = list(examples.items())[:2]
        raise InputError(
            "data.image_size: must be given, because images differ in size, as"
            f" {first} ({one[0]}×{one[1]}) and {second} ({other[0]}×{other[1]}) do"
        )
    size = (side, side) if side is not None else next(iter(examples))
    shows = transparent or (config.fit == "pad" and any(width != height for width, height in examples))
    grey = grey and (not shows or is_grey(rgb_of(config.background)))
    found = levels.measure(root, deep, broken) if deep else {}
    scales = {kind: one.scale(kind) for kind, one in found.items()}
    mode: Literal["L", "RGB"] = "L" if grey else "RGB"
    return Look(mode, size, config.background, config.fit, scales, transparent, white_zero), broken


def extended(look: Look, others: Sequence[Item]) -> Look:
    """`look`, with `has_background` and `has_white_zero` set to true if they apply to any image of `others`.

    `others` are images that had no part in deciding the look, such as those of the test split.
    """
    found = [header for _, header in headers(others, {}, seen=False)]
    return replace(
        look,
        has_background=look.has_background or any(header.may_be_transparent for header in found),
        has_white_zero=look.has_white_zero or any(header.white_is_zero for header in found),
    )


def headers(items: Sequence[Item], broken: dict[str, str], *, seen: bool) -> Iterable[tuple[Item, Header]]:
    """Each item that is not in `broken`, with its header. Items whose header cannot be read are added to `broken`.

    For `seen` see `read_header`.
    """
    hush()
    for item in tracked(items, len(items), "Looking at images"):
        if item.file in broken:
            continue
        try:
            yield item, read_header(item.path, seen=seen)
        except Exception as error:  # a decoder may raise any kind
            broken[item.file] = reason(error, item.path)
