"""What the terminal in front of a person can do, and streams that take whatever is written to them."""

import codecs
import io
import os
from typing import IO, Any

from rich.console import Console

NEAREST = "afcl.nearest"  # the name of our error handler for encodings
# one letter for one letter, so that tables keep their columns
_LOOKS_LIKE = str.maketrans("ηγτ×…–—−·±≤≥’‘“”•─━│┃╭╮╰╯┌┐└┘├┤┬┴┼╸╺█", "egtx.---.~<>''\"\"*--||+++++++++++++--#")


def nearest(error: UnicodeError) -> tuple[str, int]:
    """For codecs: what stands in for letters that an encoding lacks: η as e, a byte of a file name as \\xe9, else ?."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_stand_in, error.object[error.start : error.end])), error.end


def _stand_in(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":  # a byte that is no text, as Python holds it in a file's name
        return f"\\x{ord(letter) - 0xDC00:02x}"
    like = letter.translate(_LOOKS_LIKE)
    return like if like.isascii() else "?"


codecs.register_error(NEAREST, nearest)


def make_tolerant(stream: Any) -> None:
    """Have a stream of this process replace what its encoding lacks; nothing where it is no text stream of Python's."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=NEAREST)


class TolerantStream:
    """A text stream that replaces what its encoding lacks, and is silent once nobody can read it any more.

    A full disk, a closed terminal: what is shown of a search is not worth the search. A closed pipe is left to rich.
    """

    def __init__(self, stream: IO[str]) -> None:
        self.inner = stream
        self.problem: OSError | None = None  # why something was not written

    def write(self, text: str) -> int:
        """Write, as far as that can be."""
        encoding = getattr(self.inner, "encoding", None) or "utf-8"
        try:
            self.inner.write(text.encode(encoding, NEAREST).decode(encoding))
        except BrokenPipeError:
            raise
        except OSError as error:
            self.problem = error
        return len(text)

    def flush(self) -> None:
        """Flush, as far as that can be."""
        try:
            self.inner.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            self.problem = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def terminal_variables() -> dict[str, str]:
    """The environment, for rich's consoles. A terminal that TERM does not name promises nothing and counts as dumb."""
    return {**os.environ, "TERM": os.environ.get("TERM") or "dumb"}


def can_redraw(console: Console) -> bool:
    """Whether the console can draw over what it has drawn; a pipe, a file and a dumb terminal cannot.

    There rich shows nothing at all of a bar or a live table that is to disappear in the end.
    """
    return console.is_terminal and console.is_interactive and not console.is_dumb_terminal
