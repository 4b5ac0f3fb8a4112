"""An image stands as a person sees it, whatever else is wrong with its EXIF."""

import io
import struct

import numpy as np
import pytest
from pictures import noise, own, save
from PIL import Image, ImageOps

from trainers.data import check, load
from trainers.data.io.orientation import orientation_of, seen_size, upright

ORIENTATION = (0x112, 3, 1, struct.pack("<HH", 6, 0))
# a tag, its type, its count and its value: what editors and cameras have left in photos
ODD = {
    "resolution as a byte": (0x11A, 1, 2, b"HH\0\0"),
    "resolution as anything": (0x11A, 7, 4, b"72.0"),
    "resolution as text": (0x11A, 2, 4, b"72\0\0"),
    "maker as a float": (0x10F, 11, 1, struct.pack("<f", 1.0)),
    "maker as a number": (0x10F, 4, 1, struct.pack("<I", 7)),
    "date as a fraction": (0x132, 5, 1, struct.pack("<I", 0)),
}


def jpeg(path, *entries, size=(24, 16)):
    """A JPEG whose EXIF has these entries."""
    content = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(content, "JPEG")
    plain = content.getvalue()
    table = b"II*\0" + struct.pack("<IH", 8, len(entries))
    table += b"".join(struct.pack("<HHI", *entry[:3]) + entry[3] for entry in entries) + struct.pack("<I", 0)
    block = b"Exif\0\0" + table
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(plain[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + plain[2:])
    return path


@pytest.mark.parametrize("odd", ODD)
def test_a_tag_of_a_wrong_type_does_not_hide_the_orientation(tmp_path, odd):
    with Image.open(jpeg(tmp_path / "1.jpg", ORIENTATION, ODD[odd])) as image:
        assert upright(image).size == (16, 24)


def test_a_damaged_block_turns_nothing_and_is_told(tmp_path):
    for name in ("cat", "dog"):
        for number in range(3):
            jpeg(tmp_path / name / f"{number}.jpg", ORIENTATION)
    path = tmp_path / "cat" / "0.jpg"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"II*\0", b"IIII"))
    with Image.open(path) as image:
        assert orientation_of(image) is None
        assert upright(image).size == (24, 16)
    told = check(own(tmp_path, image_size=16)).remarks
    assert any(line.startswith("EXIF: 1 image (cat/0.jpg) is not turned upright") for line in told)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("number", range(1, 9))
def test_every_orientation_is_what_pillow_makes_of_a_whole_block(tmp_path, suffix, number):
    exif = Image.Exif()
    exif[0x0112] = number
    path = save(tmp_path / f"1{suffix}", noise(number, 10, 16, 3), exif=exif)
    with Image.open(path) as image:
        size = seen_size(image)
    with Image.open(path) as image, Image.open(path) as again:
        expected = ImageOps.exif_transpose(again)
        assert np.array_equal(upright(image), expected)
    assert size == expected.size


def test_sizes_are_compared_as_they_are_seen(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("cat", "dog"):
        save(tmp_path / name / "upright.png", noise(1, 16, 10, 3))
        save(tmp_path / name / "lying.jpg", noise(2, 10, 16, 3), exif=exif)
        save(tmp_path / name / "lying.png", noise(3, 10, 16, 3), exif=exif)
        save(tmp_path / name / "lying.tif", noise(3, 10, 16, 3), exif=exif)
    assert load(own(tmp_path)).train.images.shape[2:] == (16, 10)


def with_exif_behind(content: bytes) -> bytes:
    """A PNG whose EXIF chunk stands behind its pixels, as some cameras' software writes it."""
    chunks, at = [], 8
    while at < len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        chunks.append(content[at:end])
        at = end
    exif = [chunk for chunk in chunks if chunk[4:8] == b"eXIf"]
    others = [chunk for chunk in chunks if chunk[4:8] != b"eXIf"]
    return content[:8] + b"".join([*others[:-1], *exif, others[-1]])


@pytest.mark.parametrize("is_lying", [True, False])
def test_a_png_is_read_for_its_size_only_where_an_orientation_stands_behind_its_pixels(is_lying, tmp_path, monkeypatch):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "1.png", noise(3, 10, 16, 3), **({"exif": exif} if is_lying else {}))
    path.write_bytes(with_exif_behind(path.read_bytes()))
    with Image.open(path) as image:
        read, load_pixels = [], image.load
        monkeypatch.setattr(image, "load", lambda: read.append(True) or load_pixels())
        assert seen_size(image) == ((10, 16) if is_lying else (16, 10))
        assert bool(read) == is_lying
        assert upright(image).size == seen_size(image)
