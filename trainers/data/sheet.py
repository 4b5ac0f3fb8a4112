"""A contact sheet: a few images of each class, as a trial reads them and as augmentation changes them.

The sheet shows at a glance what counts do not show: a class of wrong images, black squares, faces that lie on their
side.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from trainers.config import AugmentConfig
from trainers.data.arrays import Images, TrialData
from trainers.data.transforms.augment import augment
from trainers.seeds import generator
from trainers.wording import printable

PAPER, INK = "#dcdfe3", "#24292f"  # grey, so that both white and black edges of images are visible
GAP, LINE, MIDDLE, SMALL = 4, 22, 24, 14  # pixels: between images, of a text line, between the halves, of a small line


def draw_sheet(
    data: TrialData, config: AugmentConfig, *, each: int = 6, side: int = 72, classes: int | None = None
) -> Image.Image:
    """A contact sheet in RGB: a row for each class, with its first `each` training images as read and as augmented.

    `side` is the length of an image's longer side in pixels. Only the first `classes` classes are drawn; None: all.
    """
    shown = data.class_names[:classes]
    half = each * (side + GAP)
    left_out = len(data.class_names) - len(shown)
    rows = LINE + len(shown) * (LINE + side + GAP) + (LINE if left_out else 0)
    sheet = Image.new("RGB", (2 * half + MIDDLE + GAP, rows + GAP), PAPER)
    drawing, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for text, x in (("as read", GAP), ("as augmented", half + MIDDLE + GAP)):
        drawing.text((x, GAP), text, INK, font)
    y = LINE
    counts = data.train.counts(len(data.class_names))
    for label, name in enumerate(shown):
        drawing.text(
            (GAP, y + 2), _fitting(f"{printable(name)}  ({counts[label]:,} train)", drawing, font, half), INK, font
        )
        images = data.train.images[np.flatnonzero(data.train.labels == label)[:each]]
        for x, some in ((GAP, images), (half + MIDDLE + GAP, augmented(images, config, label))):
            for k, image in enumerate(some):
                sheet.paste(_thumbnail(image, side), (x + k * (side + GAP), y + LINE))
        y += LINE + side + GAP
    if left_out:
        drawing.text((GAP, y), f"and {left_out} more classes", INK, font)
    return sheet


def augmented(images: Images, config: AugmentConfig, label: int) -> Images:
    """`images` augmented, [n, C, H, W] uint8; each call with the same images, config and label returns the same."""
    changed = augment(torch.from_numpy(np.array(images)), config, generator(0, "contact sheet", label))
    return changed.mul(255).round().clamp(0, 255).to(torch.uint8).numpy()


def _thumbnail(image: NDArray[np.uint8], side: int) -> Image.Image:
    """One image [C, H, W] with `side` as its longer side; small images are enlarged without smoothing."""
    pixels = image.transpose(1, 2, 0)
    drawn = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).convert("RGB")
    scale = side / max(drawn.size)
    size = max(1, round(drawn.width * scale)), max(1, round(drawn.height * scale))
    return drawn.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BILINEAR)


def _fitting(
    text: str, drawing: ImageDraw.ImageDraw, font: "ImageFont.FreeTypeFont | ImageFont.ImageFont", width: int
) -> str:
    while len(text) > 1 and drawing.textlength(text, font) > width:
        text = text[:-2] + "…"
    return text


def draw_rows(
    rows: Sequence[tuple[str, Sequence[tuple[NDArray[np.uint8], Sequence[str]]]]], *, side: int = 72, cell: int = 96
) -> Image.Image:
    """A sheet in RGB with a heading and images in each row, and words below each image.

    Args:
        rows: for each row, its heading and its images. An image is a pair: its pixels [C, H, W], and the lines of words
            below it, of which the first two are drawn.
        side: an image's longer side in pixels.
        cell: the width in pixels of the column of an image; words below the image are cut to this width.
    """
    most = max((len(images) for _, images in rows), default=1)
    width, high = most * (cell + GAP) + GAP, LINE + side + 2 * SMALL + 2 * GAP
    sheet = Image.new("RGB", (width, len(rows) * high + GAP), PAPER)
    drawing, font, small = ImageDraw.Draw(sheet), ImageFont.load_default(14), ImageFont.load_default(11)
    for row, (heading, images) in enumerate(rows):
        y = row * high
        drawing.text((GAP, y + 2), _fitting(printable(heading), drawing, font, width - 2 * GAP), INK, font)
        for place, (image, lines) in enumerate(images):
            x = GAP + place * (cell + GAP)
            sheet.paste(_thumbnail(image, side), (x, y + LINE))
            for line, words in enumerate(lines[:2]):
                at = (x, y + LINE + side + 2 + line * SMALL)
                drawing.text(at, _fitting(printable(words), drawing, small, cell), INK, small)
    return sheet
