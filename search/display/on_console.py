"""The display of a session on a console: lines, and a live view."""

import sys
from collections.abc import Callable

from rich.console import Console

from search.display.console import standard, tell
from search.display.live import LiveView
from search.engine.plan import Plan


class ConsoleDisplay:
    """Shows a session on a console: by default on standard output, or in a notebook in a block below the cell.

    It implements `search.engine.display.Display`.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or standard(sys.stdout)

    def say(self, text: str) -> None:
        """Print a line as it is."""
        tell(self._console, text)

    def view(self, plan: Plan, metric: str, problem: Callable[[], str | None]) -> LiveView:
        """A view of a running search. For the arguments see `LiveView`."""
        return LiveView(self._console, plan, metric, problem)
