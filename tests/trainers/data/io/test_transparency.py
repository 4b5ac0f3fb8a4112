"""Transparent pixels show the background, in every way that a format has of saying which they are."""

import struct

import numpy as np
import pytest
from pictures import deep_png, noise, save
from PIL import Image

from trainers.data.io.decoding import decode_image
from trainers.data.io.look import Look

HIDDEN, SHOWN = 10, 200  # left half, right half
HALF = np.full((8, 8), SHOWN, np.uint8)
HALF[:, :4] = HIDDEN
ALPHA = np.where(HALF == SHOWN, 255, 0).astype(np.uint8)
RGBA = np.dstack([HALF, HALF, HALF, ALPHA])


def read(path, mode="RGB", background="white"):
    return decode_image(path, Look(mode, (8, 8), background), resize=False)


def palette():
    image = Image.fromarray((HALF == SHOWN).astype(np.uint8), "P")
    image.putpalette([HIDDEN] * 3 + [SHOWN] * 3)
    return image


WAYS = {
    "rgba.png": lambda path: save(path, RGBA),
    "la.png": lambda path: save(path, Image.fromarray(np.dstack([HALF, ALPHA]), "LA")),
    "palette index.png": lambda path: save(path, palette(), transparency=0),
    "palette bytes.png": lambda path: save(path, palette(), transparency=bytes([0, 255])),
    "grey level.png": lambda path: save(path, HALF, transparency=HIDDEN),
    "colour.png": lambda path: save(path, np.dstack([HALF] * 3), transparency=(HIDDEN,) * 3),
    "palette.gif": lambda path: save(path, palette(), transparency=0),
    "rgba.webp": lambda path: save(path, RGBA, lossless=True, exact=True),
    "rgba.tif": lambda path: save(path, RGBA),
    "rgba.avif": lambda path: save(path, RGBA, quality=100),
    "rgba.jp2": lambda path: save(path, RGBA),
    "16 bits.png": lambda path: deep_png(path, HALF.astype(np.uint16) * 257, (HIDDEN * 257,)),
    "16 bits a colour.png": lambda path: deep_png(
        path, np.dstack([HALF.astype(np.uint16) * 257] * 3), (HIDDEN * 257,) * 3
    ),
    "16 bits rgba.png": lambda path: deep_png(path, RGBA.astype(np.uint16) * 257),
    "16 bits la.png": lambda path: deep_png(path, np.dstack([HALF, ALPHA]).astype(np.uint16) * 257),
}


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize(("background", "colour"), [("white", (255, 255, 255)), ("#1020ff", (16, 32, 255))])
def test_hidden_pixels_do_not_reappear(tmp_path, name, background, colour):
    seen = read(WAYS[name](tmp_path / name), background=background).astype(int)
    assert np.abs(seen[:, :4] - colour).max() <= 2  # AVIF rounds
    assert np.abs(seen[:, 4:] - SHOWN).max() <= 2


def test_half_transparent_pixels_are_mixed_with_the_background(tmp_path):
    path = save(tmp_path / "1.png", np.dstack([np.full((8, 8, 3), 100, np.uint8), np.full((8, 8), 51, np.uint8)]))
    assert (read(path) == 224).all()  # 100 · .2 + 255 · .8
    assert (read(path, background="black") == 20).all()


def test_an_opaque_alpha_channel_changes_no_pixel(tmp_path):
    pixels = noise(1, 8, 8, 4)
    pixels[..., 3] = 255
    assert np.array_equal(read(save(tmp_path / "1.png", pixels), background="red"), pixels[..., :3])


@pytest.mark.parametrize("bits", [2, 4])
def test_the_transparent_level_of_few_bits_is_that_of_the_pixels(tmp_path, bits):
    """In the file it is 1 of 3 or of 15, and the pixels are widened to 255 when they are read."""
    widened = 255 // (2**bits - 1)
    image = Image.fromarray(np.where(HALF == SHOWN, 3 * widened, widened).astype(np.uint8))
    path = tmp_path / "1.png"
    image.save(path, bits=bits, transparency=1)
    with Image.open(path) as opened:
        assert opened.tile[0].args == f"L;{bits}"
    seen = read(path, "L")
    assert (seen[:, :4] == 255).all()
    assert (seen[:, 4:] == 3 * widened).all()


def test_a_bmp_whose_alpha_was_left_empty_is_opaque(tmp_path):
    """Programs leave that byte zero; viewers show such a file."""
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, 8, 8, 1, 32, 3, 256, 0, 0, 0, 0) + masks + bytes(52)
    path = tmp_path / "1.bmp"
    path.write_bytes(b"BM" + struct.pack("<IHHI", 378, 0, 0, 122) + header + bytes([9, 9, 9, 0]) * 64)
    with Image.open(path) as image:
        assert image.mode == "RGBA"
    assert (read(path, background="red") == 9).all()


def test_a_grey_image_stays_grey_on_a_grey_background(tmp_path):
    path = WAYS["la.png"](tmp_path / "1.png")
    seen = read(path, "L", "#888")
    assert seen.shape == (8, 8, 1)
    assert (seen[:, :4] == 0x88).all()
