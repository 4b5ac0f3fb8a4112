"""Consoles for tests: what stands before the person who runs them, and in their shell, does not count."""

import io

from rich.console import Console


class Screen(io.StringIO):
    """A terminal, as far as a program can tell."""

    def isatty(self) -> bool:
        return True


def paper(width: int) -> Console:
    """A pipe or a file, which a test reads as `file.getvalue()`."""
    return Console(file=io.StringIO(), width=width, force_terminal=False, color_system=None, _environ={})


def screen(width: int, kind: str = "xterm") -> Console:
    """A terminal, which a test reads as `file.getvalue()`. kind: what its TERM says."""
    return Console(
        file=Screen(),
        width=width,
        height=50,  # rich gives a dumb terminal 80 columns, unless it knows both sides
        force_terminal=True,
        legacy_windows=False,
        _environ={"TERM": kind},
    )
