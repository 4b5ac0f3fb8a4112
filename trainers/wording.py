"""Users' words and values in error messages: on one line, shortened if long, with a similar known word."""

import difflib


def shown(value: object) -> str:
    """A value for an error message: on one line, shortened if long; null, true and false as in YAML."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    try:
        text = printable(repr(value))
    except ValueError:  # Python does not print an int of thousands of digits
        return "a number too long to show"
    return text if len(text) <= 100 else f"{text[:97]}..."


def printable(text: str) -> str:
    """`text` with line ends and control characters escaped, so that it stays on one line."""
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    is_byte = "\udc80" <= char <= "\udcff"  # from a file name that is not text
    return f"\\x{ord(char) - 0xDC00:02x}" if is_byte else repr(char)[1:-1]


def did_you_mean(word: str, known: list[str], *, else_all: bool = True) -> str:
    """A hint to append to "unknown …": the known word most similar to `word`; if none is similar, all known words.

    With `else_all` false, the hint is empty if no known word is similar.
    """
    near = difflib.get_close_matches(word, known, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; known are {', '.join(known)}" if known and else_all else ""
