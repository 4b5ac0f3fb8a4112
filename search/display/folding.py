"""Break long lines between words, never inside a word or a command line."""

import re

from rich.cells import cell_len

# a command line is not broken, so that it can be copied from the terminal in one piece
_QUOTED = r"'[^']*'|\"[^\"]*\""
_COMMAND = rf"`(?:{_QUOTED}|[^`])*`\S*|(?:^|(?<=\s\s)|(?<=:\s))afcl [a-z](?:{_QUOTED}|(?!\s{{3}}|['\n]).)*"
_PIECE = re.compile(rf"\s*(?:{_COMMAND}|\S+)")
_LABEL = re.compile(r"\s*(?:\S+\s{2,})?")  # continuation lines are aligned with the text after the label


def folded(text: str, width: int) -> str:
    """The text in lines of at most `width` cells. A longer word or command line stays whole, on a line of its own."""
    return "\n".join(_folded_line(line, width) for line in text.split("\n"))


def _folded_line(line: str, width: int) -> str:
    if cell_len(line) <= width:
        return line
    label = _LABEL.match(line)
    indent = min(label.end() if label else 0, width // 3)
    lines: list[str] = []
    here = ""
    for piece in _PIECE.findall(line):
        if here.strip() and cell_len(here + piece) > width:
            lines.append(here)
            here = " " * indent + piece.lstrip()
        else:
            here += piece
    return "\n".join([*lines, here])
