"""Where the command line prints: to a terminal, a pipe or a program, for people or as JSON."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import IO, Any, cast

from rich.console import Console, ConsoleDimensions

from search.display.folding import folded
from search.display.notebook import NotebookConsole, is_notebook
from trainers.console import TolerantStream, terminal_variables
from trainers.errors import EnvironmentProblem

UNBOUNDED = 10_000  # columns: more than any table here has


class Terminal(Console):
    """A console that shows text as it is, and goes quiet when whoever reads it has gone (`| head`, a closed window).

    A search must not end of that. What the encoding lacks is replaced.
    """

    def __init__(self, *, file: IO[str] | None) -> None:
        self.stream = None if file is None else TolerantStream(file)  # None: closed before this process began (`>&-`)
        super().__init__(
            file=cast(IO[str], self.stream),
            markup=False,
            emoji=False,
            highlight=False,
            _environ=terminal_variables(),
        )
        if not (self.is_terminal and file is not None and file.isatty()):  # no edge at which a table must be cut
            self.size = ConsoleDimensions(UNBOUNDED, self.height)

    def on_broken_pipe(self) -> None:
        """Say nothing more."""
        self.quiet = True
        silence(self.file)


def silence(stream: Any) -> None:
    """Have a stream of this process write to nowhere from now on."""
    with suppress(OSError, ValueError, AttributeError):  # no file of the system's
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # else Python complains of it at its end


err = Terminal(file=sys.stderr)
out = Terminal(file=sys.stdout)  # as it is now: a search sends what others print to its log


def console_for(json_: bool) -> Console:
    """Where a search is shown: beside its JSON, or as its output."""
    return err if json_ else out


def tell(console: Console, text: str) -> None:
    """Print text as it is, on a terminal in lines that end between words."""
    shown = folded(text, console.width) if console.is_terminal else text
    console.print(shown, highlight=False, markup=False, emoji=False, soft_wrap=True)


def to_console(console: Console | None, otherwise: IO[str] | None = None) -> Callable[[str], None]:
    """What prints a line on a console; where none is given as `standard` does."""
    return partial(tell, console or standard(otherwise or sys.stdout))


def standard(stream: IO[str]) -> Console:
    """A stream of this process as a console; in a notebook a block below the cell."""
    return NotebookConsole() if is_notebook() else Terminal(file=stream)


def say(line: Any) -> None:
    """Print a line, or what rich can draw."""
    if isinstance(line, str):
        tell(out, line)
    else:
        out.print(line)


def print_json(value: object) -> None:
    """Print plain values for a program: escaped where the encoding, or the text itself, is not Unicode."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    text = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    write(f"{text}\n")


def write(text: str) -> None:
    """Print text exactly as it is. Raises EnvironmentProblem where it cannot be written, unless its reader has gone."""
    try:
        print(text, end="", flush=True)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        silence(sys.stdout)
        raise EnvironmentProblem(unwritten(error)) from None


def unwritten(problem: OSError) -> str:
    """That what was printed has not arrived."""
    return f"the output could not be written: {problem.strerror}; send it to another place"
