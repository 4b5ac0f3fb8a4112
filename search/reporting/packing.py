"""Megabytes of text as a part of a page, compressed: plotly.js and the figures would make it five.

The text is deflated, and each 13 bits of it are two of 91 letters (as in basE91, a little shorter than base 85). None
of them is <, so nothing in it can end a script. The browser unpacks it with `DecompressionStream`, which all have had
since 2023; page.js does the same as `unpack`.
"""

import zlib
from functools import cache

import numpy as np
from plotly.offline import get_plotlyjs

LETTERS = "".join(chr(code) for code in range(33, 127) if chr(code) not in "<>\\")  # 91, and no space
BITS = 13  # of two letters: 2 ** 13 is at most 91 ** 2


def pack(text: str) -> str:
    """A text as letters that may stand in a script element. One letter too many: the last byte is none of it."""
    content = np.frombuffer(zlib.compress(text.encode(), 9), dtype=np.uint8)
    bits = np.unpackbits(content)
    words = np.pad(bits, (0, -len(bits) % BITS)).reshape(-1, BITS) @ (1 << np.arange(BITS)[::-1])
    letters = np.frombuffer(LETTERS.encode(), dtype=np.uint8)
    packed = str(letters[np.stack(np.divmod(words, len(LETTERS)), axis=1)].tobytes().decode())
    return packed + LETTERS[0] * (len(words) * BITS // 8 - len(content))


def unpack(letters: str) -> str:
    """What was packed."""
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
