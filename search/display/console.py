"""Where the command line prints: to a terminal, a pipe or a program, for people or as JSON."""

import json
import os
import sys
from contextlib import suppress
from typing import IO, Any

from rich.console import Console, ConsoleDimensions

from trainers.console import terminal_variables

UNBOUNDED = 10_000  # columns: more than any table here has


class Terminal(Console):
    """A console that goes quiet when whoever reads it has gone (`| head`): a search must not end of that."""

    def __init__(self, *, file: IO[str]) -> None:
        super().__init__(file=file, _environ=terminal_variables())
        if not (self.is_terminal and file.isatty()):  # a pipe or a file has no edge at which a table must be cut
            self.size = ConsoleDimensions(UNBOUNDED, self.height)

    def on_broken_pipe(self) -> None:
        """Say nothing more."""
        self.quiet = True
        with suppress(OSError, ValueError):  # no file of the system's
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())  # else Python complains of it at its end


err = Terminal(file=sys.stderr)
out = Terminal(file=sys.stdout)  # as it is now: a search sends what others print to its log


def console_for(json_: bool) -> Console:
    """Where a search is shown: beside its JSON, or as its output."""
    return err if json_ else out


def say(line: Any) -> None:
    """Print a line, or what rich can draw."""
    out.print(line, highlight=False, markup=False, soft_wrap=isinstance(line, str))


def print_json(value: object) -> None:
    """Print plain values for a program."""
    print(json.dumps(value, indent=2, ensure_ascii=False))
