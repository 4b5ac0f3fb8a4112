"""What the terminal in front of a person can do."""

import os

from rich.console import Console


def terminal_variables() -> dict[str, str]:
    """The environment, for rich's consoles. A terminal that TERM does not name promises nothing and counts as dumb."""
    return {**os.environ, "TERM": os.environ.get("TERM") or "dumb"}


def can_redraw(console: Console) -> bool:
    """Whether the console can draw over what it has drawn; a pipe, a file and a dumb terminal cannot.

    There rich shows nothing at all of a bar or a live table that is to disappear in the end.
    """
    return console.is_terminal and console.is_interactive and not console.is_dumb_terminal
