"""Print for the command line: to a terminal, a pipe or a program, as text or as JSON."""

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

UNBOUNDED = 10_000  # characters: wider than any table


class Terminal(Console):
    """A console that prints text as it is: markup and emoji codes in the text mean nothing.

    If its reader has gone (`| head`, a closed window), it prints nothing more, so that a search goes on. Characters
    that the encoding lacks are replaced.
    """

    def __init__(self, *, file: IO[str] | None) -> None:
        self.stream = None if file is None else TolerantStream(file)  # None: closed from the start (`>&-`)
        super().__init__(
            file=cast(IO[str], self.stream),
            markup=False,
            emoji=False,
            highlight=False,
            _environ=terminal_variables(),
        )
        if not (self.is_terminal and file is not None and file.isatty()):  # without a terminal there is no width to fit
            self.size = ConsoleDimensions(UNBOUNDED, self.height)

    def on_broken_pipe(self) -> None:
        """Print nothing more."""
        self.quiet = True
        silence(self.file)


def silence(stream: Any) -> None:
    """From now on, send to /dev/null all that is written to `stream`, such as sys.stdout."""
    with suppress(OSError, ValueError, AttributeError):  # the stream has no file descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # else Python prints an error as it exits


err = Terminal(file=sys.stderr)
out = Terminal(file=sys.stdout)  # the stream as it is now: a search redirects what libraries print later to its log


def console_for(json_: bool) -> Console:
    """The console for a search's progress: standard output, or standard error if standard output is for JSON."""
    return err if json_ else out


def tell(console: Console, text: str) -> None:
    """Print text as it is. On a terminal long lines are broken between words."""
    shown = folded(text, console.width) if console.is_terminal else text
    console.print(shown, highlight=False, markup=False, emoji=False, soft_wrap=True)


def to_console(console: Console | None, otherwise: IO[str] | None = None) -> Callable[[str], None]:
    """A function that prints a line on a console.

    Args:
        console: the console; None takes a new one for `otherwise`, made by `standard`.
        otherwise: a stream, used only without a console; by default standard output.
    """
    return partial(tell, console or standard(otherwise or sys.stdout))


def standard(stream: IO[str]) -> Console:
    """A new console for a stream of this process. In a notebook it prints to a block below the cell instead."""
    return NotebookConsole() if is_notebook() else Terminal(file=stream)


def say(line: Any) -> None:
    """Print on standard output: a line of text, or anything that rich can draw."""
    if isinstance(line, str):
        tell(out, line)
    else:
        out.print(line)


def print_json(value: object) -> None:
    """Print plain values as JSON on standard output. If its encoding lacks a character, all but ASCII is escaped."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    text = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    write(f"{text}\n")


def write(text: str) -> None:
    """Print text on standard output, exactly as it is.

    Raises:
        EnvironmentProblem: the text cannot be written, for example because the disk is full.
        BrokenPipeError: the reader has gone.
    """
    try:
        print(text, end="", flush=True)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        silence(sys.stdout)
        raise EnvironmentProblem(unwritten(error)) from None


def unwritten(problem: OSError) -> str:
    """The error text for output that could not be written, with the cause and the mend."""
    return f"the output could not be written: {problem.strerror}; write it to another disk"
