"""Users' words and values as an error message shows them: on one line, cut where they are long, with a near guess."""

import difflib


def shown(value: object) -> str:
    """A value as an error message shows it: on one line, as YAML writes it, cut where it is long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    try:
        text = printable(repr(value))
    except ValueError:  # an int of thousands of digits, which Python does not print
        return "a number too long to show"
    return text if len(text) <= 100 else f"{text[:97]}..."


def printable(text: str) -> str:
    """`text` with line ends and control characters escaped: a user's words may not break the one line."""
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    is_byte = "\udc80" <= char <= "\udcff"  # of a file's name that is no text
    return f"\\x{ord(char) - 0xDC00:02x}" if is_byte else repr(char)[1:-1]


def did_you_mean(word: str, known: list[str], *, else_all: bool = True) -> str:
    """A hint to append to "unknown …": the nearest known word, else all of them (or nothing)."""
    near = difflib.get_close_matches(word, known, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; known are {', '.join(known)}" if known and else_all else ""
