"""What the terminal can do, and text streams that accept anything that is written to them."""

import codecs
import io
import os
from typing import IO, Any

from rich.console import Console

NEAREST = "afcl.nearest"  # the name of our error handler for encodings
# one letter for one letter, so that tables keep their columns
_LOOKS_LIKE = str.maketrans(
    "ηγτ×…–—−·±≤≥’‘“”•─━│┃╭╮╰╯┌┐└┘├┤┬┴┼╸╺█▁▂▃▄▅▆▇", "egtx.---.~<>''\"\"*--||+++++++++++++--#1234567"
)


def nearest(error: UnicodeError) -> tuple[str, int]:
    """Replace letters that an encoding lacks: an error handler for `codecs.register_error`.

    η becomes e, a byte of a file's name that is not text becomes \\xe9, and letters without a likeness become ?.
    Returns the replacement and the index at which encoding goes on. Raises `error` again if it is not about encoding.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_stand_in, error.object[error.start : error.end])), error.end


def _stand_in(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":  # a byte that is not text, as Python keeps it in a file's name
        return f"\\x{ord(letter) - 0xDC00:02x}"
    like = letter.translate(_LOOKS_LIKE)
    return like if like.isascii() else "?"


codecs.register_error(NEAREST, nearest)


def make_tolerant(stream: Any) -> None:
    """Make an io.TextIOWrapper replace letters that its encoding lacks. A stream of another class is left alone."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=NEAREST)


class TolerantStream:
    """A text stream that replaces letters that its encoding lacks, and drops what can no longer be written.

    So a full disk or a closed terminal does not stop a search. A closed pipe still raises its error: rich handles that.
    """

    def __init__(self, stream: IO[str]) -> None:
        self.inner = stream
        self.problem: OSError | None = None  # the last error of a write or a flush; None: there was none

    def write(self, text: str) -> int:
        """Write the text; drop it if the stream can take no more."""
        encoding = getattr(self.inner, "encoding", None) or "utf-8"
        try:
            self.inner.write(text.encode(encoding, NEAREST).decode(encoding))
        except BrokenPipeError:
            raise
        except OSError as error:
            self.problem = error
        return len(text)

    def flush(self) -> None:
        """Flush; do nothing if the stream can take no more."""
        try:
            self.inner.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            self.problem = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def terminal_variables() -> dict[str, str]:
    """The environment variables for rich's consoles: those of this process, with TERM=dumb if TERM is not set."""
    return {**os.environ, "TERM": os.environ.get("TERM") or "dumb"}


def can_redraw(console: Console) -> bool:
    """Whether the console can redraw lines; a pipe, a file and a dumb terminal cannot.

    If it cannot, rich shows nothing of a progress bar or a live table that is to disappear at its end.
    """
    return console.is_terminal and console.is_interactive and not console.is_dumb_terminal
