"""The IDX format of MNIST and similar datasets, parsed with precise errors for damaged files."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class Damaged(Exception):
    """A file is invalid; the message names it and says why."""


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The array of bytes in an IDX file, plain or .gz. Raises Damaged.

    The format is two zero bytes, the type (8: unsigned byte), the number of dimensions, each dimension as a
    big-endian 32-bit number, and then the values and nothing more.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise Damaged(f"{path} cannot be read: {error}") from None
    start = 4 + 4 * dimensions
    magic = bytes([0, 0, 8, dimensions])
    if content[:4] != magic:
        raise Damaged(f"{path} is no IDX file: it must begin with {magic.hex()}, not {content[:4].hex() or 'its end'}")
    if len(content) < start:
        raise Damaged(f"{path} is truncated: {len(content)} bytes end within its header")
    shape = tuple(np.frombuffer(content, dtype=">u4", count=dimensions, offset=4).tolist())
    needed = start + math.prod(shape)
    if len(content) != needed:
        what = "is truncated" if len(content) < needed else "has bytes after its end"
        raise Damaged(f"{path} {what}: it should be {needed} bytes long, but is {len(content)}")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
