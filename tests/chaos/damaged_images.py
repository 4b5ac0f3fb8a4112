"""Damaged image files through the reader, in one process: each is read, or named in one line with its reason.

    python tests/chaos/damaged_images.py --count 100000 --seed 0

Every format that the reader takes is made small, in each of its kinds (palettes, transparency, 16 bits, floats, EXIF,
ICC, several frames). Each file is then cut, or has bits flipped, bytes zeroed, doubled or strewn over it, or its EXIF,
ICC profile or palette is damaged before the file is written. The seed decides all of it.
"""

import argparse
import faulthandler
import io
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image, ImageCms

from trainers.data.io.decoding import decode_blocks, decode_image
from trainers.data.io.items import BrokenImages, Item
from trainers.data.io.look import common_look
from trainers.data.io.quiet import hush
from trainers.data.io.survey import survey
from trainers.data_config import DataConfig

BATCH = 500
PIXELS = 1 << 22  # more than these are a bomb here, so that a damaged header costs no gigabytes
SIDE = 16

Draws = np.random.Generator


def main() -> int:
    """Read the words, run, and say what came of it."""
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("--count", type=int, default=100_000)
    words.add_argument("--seed", type=int, default=0)
    asked = words.parse_args()
    faulthandler.enable()
    read, reasons, kinds = run(asked.count, asked.seed, tell=lambda line: print(line, file=sys.stderr))
    named = sum(reasons.values())
    print(f"{asked.count:,} files: {read:,} read, {named:,} named, seed {asked.seed}")
    print(", ".join(f"{kind} {number:,}" for kind, number in sorted(kinds.items())))
    for text, number in reasons.most_common(40):
        print(f"{number:7,}  {text}")
    return 0 if read + named == asked.count else 1


def run(
    count: int, seed: int, tell: Callable[[str], None] = lambda line: None
) -> tuple[int, Counter[str], Counter[str]]:
    """How many files were read, the reasons of the others with their numbers, and the kinds that there were."""
    Image.MAX_IMAGE_PIXELS = PIXELS // 2  # Pillow refuses twice as many
    hush()  # the writers too
    sources, read, reasons, kinds = list(whole_files()), 0, Counter[str](), Counter[str]()
    started = told = time.monotonic()
    for start in range(0, count, BATCH):
        with TemporaryDirectory(prefix="damaged-") as folder:
            items = []
            for number in range(start, min(start + BATCH, count)):
                draws = np.random.default_rng([seed, number])
                kind, suffix, make = sources[draws.integers(len(sources))]
                path = Path(folder) / f"{number}{suffix}"
                path.write_bytes(damaged(make, draws))
                kinds[kind] += 1
                items.append(Item("ab"[number % 2], path.name, path))
            broken = read_all(items, Path(folder))
        read += len(items) - len(broken)
        reasons.update(general(why) for why in broken.values())
        if time.monotonic() > told + 30:
            told = time.monotonic()
            tell(f"{start + len(items):,} of {count:,}, {told - started:.0f} s")
    return read, reasons, kinds


def read_all(items: list[Item], root: Path) -> dict[str, str]:
    """Read the items as a search does, and look at what can be read as `data check` does: file -> why not."""
    config = DataConfig(dataset="folder", path=str(root), image_size=SIDE, fit="pad", val_per_class=1)
    look, broken = common_look(items, config, root)
    blocks = [np.arange(start, min(start + 50, len(items))) for start in range(0, len(items), 50)]
    try:
        for _, images in decode_blocks(items, partial(decode_image, look=look, resize=True), blocks, broken):
            assert images.dtype == np.uint8
            assert images.shape[1:] == look.shape
    except BrokenImages as error:
        broken = error.reasons
    for file, why in broken.items():
        assert why, file
        assert why == " ".join(why.split()), f"{file}: {why!r}"
    for line in survey([item for item in items if item.file not in broken], look, resized=True):
        assert "\n" not in line
    return broken


def general(why: str) -> str:
    """A reason without its numbers."""
    return "".join("#" if char.isdigit() else char for char in why)[:100]


Parts = dict[str, bytes]  # exif and icc_profile, as they are to be written
Make = Callable[[Parts, Draws], bytes]


def whole_files() -> Iterator[tuple[str, str, Make]]:
    """Every kind of file: its name, its suffix, and what writes it with the parts given."""
    rng = np.random.default_rng(1)
    colour = Image.fromarray(rng.integers(0, 256, (16, 24, 3), dtype=np.uint8))
    grey, palette = colour.convert("L"), colour.convert("P")
    alpha = colour.copy()
    alpha.putalpha(grey)
    deep = Image.fromarray((rng.integers(0, 4096, (16, 24))).astype(np.uint16))
    floats = Image.fromarray(rng.random((16, 24), dtype=np.float32))
    signed = Image.fromarray(rng.integers(-1000, 3000, (16, 24)).astype(np.int32))

    def saved(image: Image.Image, form: str, **how: object) -> Make:
        def make(parts: Parts, draws: Draws) -> bytes:
            content = io.BytesIO()
            image.save(content, form, **how, **parts)
            return content.getvalue()

        return make

    clear = {"transparency": bytes(range(0, 256, 2))}
    frames = {"save_all": True, "append_images": [alpha.rotate(90)]}
    yield from (
        (f"{name} {form}", suffix, saved(image, form, **how))
        for name, form, suffix, image, how in (
            ("colour", "JPEG", ".jpg", colour, {}),
            ("progressive", "JPEG", ".jfif", colour, {"progressive": True}),
            ("cmyk", "JPEG", ".jpe", colour.convert("CMYK"), {}),
            ("grey", "JPEG", ".JPG", grey, {}),
            ("colour", "PNG", ".png", colour, {}),
            ("alpha", "PNG", ".png", alpha, {}),
            ("grey alpha", "PNG", ".png", alpha.convert("LA"), {}),
            ("palette", "PNG", ".png", palette, {}),
            ("clear palette", "PNG", ".png", palette, clear),
            ("clear grey", "PNG", ".png", grey, {"transparency": 77}),
            ("16 bits", "PNG", ".png", deep, {}),
            ("several", "PNG", ".apng", alpha, frames),
            ("palette", "GIF", ".gif", palette, {"transparency": 3}),
            ("several", "GIF", ".gif", alpha, frames),
            ("colour", "BMP", ".bmp", colour, {}),
            ("palette", "BMP", ".dib", palette, {}),
            ("colour", "TIFF", ".tif", colour, {}),
            ("lzw", "TIFF", ".tiff", alpha, {"compression": "tiff_lzw"}),
            ("deflate", "TIFF", ".tif", colour, {"compression": "tiff_adobe_deflate"}),
            ("jpeg", "TIFF", ".tif", colour, {"compression": "jpeg"}),
            ("packbits", "TIFF", ".tif", grey, {"compression": "packbits"}),
            ("group 4", "TIFF", ".tif", grey.convert("1"), {"compression": "group4"}),
            ("16 bits", "TIFF", ".tif", deep, {}),
            ("signed", "TIFF", ".tif", signed, {}),
            ("floats", "TIFF", ".tif", floats, {}),
            ("lossy", "WEBP", ".webp", alpha, {}),
            ("lossless", "WEBP", ".webp", alpha, {"lossless": True}),
            ("several", "WEBP", ".webp", alpha, frames),
            ("colour", "AVIF", ".avif", colour, {"speed": 10}),
            ("alpha", "AVIF", ".avif", alpha, {"speed": 10}),
            ("colour", "JPEG2000", ".jp2", colour, {}),
            ("alpha", "JPEG2000", ".jp2", alpha, {}),
            ("colour", "PPM", ".ppm", colour, {}),
            ("grey", "PPM", ".pgm", grey, {}),
        )
    )
    yield "16 bits a colour PNG", ".png", lambda parts, draws: deep_png(rng=draws)


def deep_png(*, rng: Draws) -> bytes:
    """A PNG of 16 bits a channel with one colour declared transparent, which Pillow cannot write."""
    import zlib

    samples = rng.integers(0, 4096, (16, 24, 3)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in samples)

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", 24, 16, 16, 2, 0, 0, 0)
    clear = samples[0, 0].tobytes()
    parts = (b"IHDR", header), (b"tRNS", clear), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def exif_block(draws: Draws) -> bytes:
    """A block with an orientation, and tags of right and wrong types."""
    entries = [(0x112, 3, 1, struct.pack("<HH", int(draws.integers(0, 10)), 0))]
    for tag in draws.choice([0x10F, 0x110, 0x11A, 0x11B, 0x128, 0x132, 0x8769, 0x8825, 0xA005, 0x927C], 3):
        value = draws.integers(0, 256, 4, dtype=np.uint8).tobytes()
        entries.append((int(tag), int(draws.integers(0, 14)), int(draws.integers(0, 5)), value))
    table = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return b"Exif\0\0" + table + b"".join(struct.pack("<HHI", *e[:3]) + e[3] for e in entries) + struct.pack("<I", 0)


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def damaged(make: Make, draws: Draws) -> bytes:
    """One file with something wrong with it."""
    parts: Parts = {}
    where = draws.integers(4)
    if where == 0:
        block = exif_block(draws)
        parts["exif"] = block if draws.random() < 0.5 else b"Exif\0\0" + mangled(block[6:], draws)
    elif where == 1:
        parts["icc_profile"] = mangled(PROFILE, draws)
    try:
        content = make(parts, draws)
    except Exception:  # the writer, unlike the reader, may refuse a damaged part
        content = make({}, draws)
        where = 3
    return content if where < 2 else mangled(content, draws)


def mangled(content: bytes, draws: Draws) -> bytes:
    """Some bytes, damaged in one of several ways."""
    size = len(content)
    way = draws.integers(6)
    if way == 0:
        return content[: draws.integers(size)]
    found = np.frombuffer(content, np.uint8).copy()
    if way == 1:
        for place in draws.integers(0, size, draws.integers(1, 9)):
            found[place] ^= 1 << draws.integers(8)
    elif way == 2:  # in the header, where the sizes and offsets are
        for place in draws.integers(0, min(size, 100), draws.integers(1, 5)):
            found[place] = draws.integers(256)
    elif way == 3:
        start = draws.integers(size)
        found[start : start + draws.integers(1, 64)] = draws.choice([0, 255])
    elif way == 4:
        places = draws.integers(0, size, max(1, size // 50))
        found[places] = draws.integers(0, 256, len(places), dtype=np.uint8)
    else:  # a piece twice, or gone
        start, end = sorted(draws.integers(0, size, 2).tolist())
        piece = content[start:end]
        return content[:start] + (piece * 2 if draws.random() < 0.5 else b"") + content[end:]
    return found.tobytes()


if __name__ == "__main__":
    sys.exit(main())
