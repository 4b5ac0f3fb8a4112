"""Compress long texts inside a page: without this, plotly.js and the figures would take five megabytes.

The text is deflated, and each 13 bits of the result are written as two of 91 letters (as in basE91, a little shorter
than base 85). The letter < is not used, so a packed text cannot end its script element. page.js does the same as
`unpack`, with `DecompressionStream`, which all browsers have had since 2023.
"""

import zlib
from functools import cache

import numpy as np
from plotly.offline import get_plotlyjs

LETTERS = "".join(chr(code) for code in range(33, 127) if chr(code) not in "<>\\")  # 91, and no space
BITS = 13  # how many bits two letters hold: 2 ** 13 is at most 91 ** 2


def pack(text: str) -> str:
    """A text as letters that may stand in a script element.

    Each pair of letters holds `BITS` bits. A single letter at the end says that the last byte of these bits is padding.
    """
    content = np.frombuffer(zlib.compress(text.encode(), 9), dtype=np.uint8)
    bits = np.unpackbits(content)
    words = np.pad(bits, (0, -len(bits) % BITS)).reshape(-1, BITS) @ (1 << np.arange(BITS)[::-1])
    letters = np.frombuffer(LETTERS.encode(), dtype=np.uint8)
    packed = str(letters[np.stack(np.divmod(words, len(LETTERS)), axis=1)].tobytes().decode())
    return packed + LETTERS[0] * (len(words) * BITS // 8 - len(content))


def unpack(letters: str) -> str:
    """The text that `pack` packed."""
    odd = len(letters) % 2
    places = np.array([LETTERS.index(letter) for letter in letters[: len(letters) - odd]], dtype=np.int64)
    places = places.reshape(-1, 2)
    words = places[:, 0] * len(LETTERS) + places[:, 1]
    bits = ((words[:, None] >> np.arange(BITS)[::-1]) & 1).astype(np.uint8).ravel()
    content = np.packbits(bits[: bits.size // 8 * 8]).tobytes()
    return zlib.decompress(content[: len(content) - odd]).decode()


@cache
def packed_plotly() -> str:
    """plotly.js, packed once for each process."""
    return pack(get_plotlyjs())
