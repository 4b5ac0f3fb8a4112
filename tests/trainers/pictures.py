"""Small image files whose pixels are known, and folders of them."""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from trainers.data_config import DataConfig


def noise(number: int, *shape: int, high: int = 256, kind: type = np.uint8) -> np.ndarray:
    """Values below `high` that the number decides, the same with every version of NumPy."""
    return (np.random.PCG64(number).random_raw(int(np.prod(shape))) % high).reshape(shape).astype(kind)


def save(path: Path, pixels: np.ndarray | Image.Image, **how: object) -> Path:
    """Write an array or an image as the suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **how)
    return path


def folders(
    top: Path, suffix: str = ".png", per_class: int = 4, shape: tuple[int, ...] = (10, 10, 3), first: int = 0
) -> Path:
    """Two classes of noise. first: of the noise, so that another folder's images are others."""
    for k, name in enumerate(("cat", "dog")):
        for number in range(per_class):
            save(top / name / f"{number}{suffix}", noise(100 * k + first + number, *shape))
    return top


def own(top: Path, **fields: object) -> DataConfig:
    """The config of such a folder. Its images may equal one another: what is tested is how they are read."""
    return DataConfig(dataset="folder", path=str(top), **{"val_per_class": 1, "split_rules": 1} | fields)


def deep_png(path: Path, samples: np.ndarray, clear: tuple[int, ...] | None = None) -> Path:
    """A PNG of 16 bits a channel, [H, W] to [H, W, 4], with a level or colour declared transparent: Pillow has none."""
    samples = samples.astype(">u2").reshape(*samples.shape[:2], -1)
    height, width, channels = samples.shape
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, 16, (0, 4, 2, 6)[channels - 1], 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    if clear is not None:
        parts.insert(1, (b"tRNS", struct.pack(f">{len(clear)}H", *clear)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts))
    return path


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
