"""Files as a hand, a disk or another program may spoil them: each kind of damage is a function of seeded luck."""

import json
import random
from collections.abc import Callable
from typing import Any

import yaml

ODD: list[Any] = [None, True, False, 0, -1, 1, 2.5, -0.0, 1e308, -1e308, 2**63, 10**30, [], {}, [1], {"a": 1}, [[[]]]]
ODD += ["", " ", "a", "η", "1e3", "nan", "a\nb", "\x1b[31m", "x" * 300, "../..", "/", "[old]", "-1", "'", "\ud800"]
NUMBERS = ["NaN", "Infinity", "-Infinity", ".nan", ".inf", "1e999", "-1e999", "9" * 400, "9" * 5000, "1e308", "-0"]
NUMBERS += ["0x1f", "1_000", "0.0000000000000001", "2147483648", "9223372036854775808", "1e-320", "--1", "1.2.3"]
LETTERS = ["\ufeff", "\u202e", "\0", "\r", "\r\n", "\t", "\u2028", "🙈", "é", "e\u0301", "\x7f", "\x1b"]
LETTERS += list("\"'\\{}[],:")

Damage = Callable[[random.Random, bytes], bytes]


def bytes_flipped(draw: random.Random, content: bytes) -> bytes:
    spoilt = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 5, 20))):
        if spoilt:
            spoilt[draw.randrange(len(spoilt))] ^= 1 << draw.randrange(8)
    return bytes(spoilt)


def truncated(draw: random.Random, content: bytes) -> bytes:
    return content[: draw.randrange(len(content) + 1)]


def line_dropped(draw: random.Random, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    if lines:
        del lines[draw.randrange(len(lines))]
    return b"".join(lines)


def line_doubled(draw: random.Random, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    if lines:
        lines.insert(draw.randrange(len(lines) + 1), draw.choice(lines))
    return b"".join(lines)


def lines_swapped(draw: random.Random, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    if len(lines) > 1:
        one, other = draw.sample(range(len(lines)), 2)
        lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def emptied(draw: random.Random, content: bytes) -> bytes:
    return draw.choice((b"", b"\n", b" ", b"\xef\xbb\xbf", b"null\n", b"{}\n", b"[]\n", b"\0" * 50))


def nested(draw: random.Random, content: bytes) -> bytes:
    deep = draw.choice((30, 1_000, 100_000))
    place, opening = draw.randrange(len(content) + 1), draw.choice((b"[", b'{"a":', b"- ", b"("))
    return content[:place] + opening * deep + content[place:]


def letters_put_in(draw: random.Random, content: bytes) -> bytes:
    for _ in range(draw.choice((1, 1, 3))):
        place = draw.randrange(len(content) + 1)
        letters = draw.choice((*(letter.encode() for letter in LETTERS), b"\xff", b"\xe9", b"\xed\xb2\x80"))
        content = content[:place] + letters + content[place:]
    return content


def numbers_replaced(draw: random.Random, content: bytes) -> bytes:
    """A run of digits becomes another number, or what looks like one."""
    digits = [place for place, byte in enumerate(content) if byte in b"0123456789"]
    if not digits:
        return content
    first = last = draw.choice(digits)
    while last + 1 < len(content) and content[last + 1] in b"0123456789.":
        last += 1
    return content[:first] + draw.choice(NUMBERS).encode() + content[last + 1 :]


def values_changed(draw: random.Random, content: bytes) -> bytes:
    """A value of what is written as YAML, JSON or JSON lines becomes another one, goes, or is put elsewhere."""
    text = content.decode(errors="replace")
    lines = text.splitlines()
    is_json_lines = bool(lines) and all(line.startswith("{") for line in lines)
    place = draw.randrange(len(lines)) if is_json_lines else 0
    try:
        document = json.loads(lines[place]) if is_json_lines else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError):
        return bytes_flipped(draw, content)
    if isinstance(document, str) or document is None:  # a table
        return _cell_changed(draw, lines)
    for _ in range(draw.choice((1, 1, 2))):
        _change_one(draw, document)
    if is_json_lines:
        lines[place] = json.dumps(document)
        return ("\n".join(lines) + "\n").encode(errors="surrogatepass")
    as_json = text.lstrip().startswith("{")
    return (json.dumps(document) if as_json else yaml.safe_dump(document, sort_keys=False)).encode(errors="replace")


def _cell_changed(draw: random.Random, lines: list[str]) -> bytes:
    if lines:
        place = draw.randrange(len(lines))
        cells = lines[place].split(",")
        cells[draw.randrange(len(cells))] = str(draw.choice(ODD))
        lines[place] = ",".join(cells)
    return ("\n".join(lines) + "\n").encode(errors="replace")


def _change_one(draw: random.Random, document: Any) -> None:
    places = list(_places(document))
    if not places:
        return
    holder, key = draw.choice(places)
    match draw.randrange(4):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[draw.choice((f"{key}x", "", "trial", "name", "space"))] = holder.pop(key)
        case 2:
            other, at = draw.choice(places)
            holder[key] = other[at] if other is not holder and not _holds(other[at], holder) else draw.choice(ODD)
        case _:
            holder[key] = draw.choice(ODD)


def _places(document: Any) -> Any:
    keys = document.keys() if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    for key in list(keys):
        yield document, key
        yield from _places(document[key])


def _holds(document: Any, wanted: Any) -> bool:
    return document is wanted or any(holder is wanted for holder, _ in _places(document))


KINDS: dict[str, Damage] = {
    one.__name__.replace("_", " "): one
    for one in (
        *(bytes_flipped, truncated, line_dropped, line_doubled, lines_swapped, emptied, nested, letters_put_in),
        *(numbers_replaced, values_changed, values_changed, values_changed),
    )
}
