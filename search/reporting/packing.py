"""Megabytes of text as a part of a page, compressed: plotly.js and the figures would make it five.

The text is deflated and written in 85 letters (Python's `base64.b85encode`, with a comma for <, so that nothing in it
can end a script). The browser unpacks it with `DecompressionStream`, which all have had since 2023.
"""

import zlib
from base64 import b85decode, b85encode
from functools import cache

from plotly.offline import get_plotlyjs


def pack(text: str) -> str:
    """A text as letters that may stand in a script element."""
    return b85encode(zlib.compress(text.encode(), 9)).decode().replace("<", ",")


def unpack(letters: str) -> str:
    """What was packed; page.js does the same."""
    return zlib.decompress(b85decode(letters.strip().replace(",", "<"))).decode()


@cache
def packed_plotly() -> str:
    """plotly.js, packed once for each process."""
    return pack(get_plotlyjs())
