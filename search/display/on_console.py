"""A session on a console: lines, and a live view where one can be drawn."""

import sys
from collections.abc import Callable

from rich.console import Console

from search.display.console import standard, tell
from search.display.live import LiveView
from search.engine.plan import Plan


class ConsoleDisplay:
    """A `search.engine.display.Display` on a console: by default standard output, in a notebook a block."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or standard(sys.stdout)

    def say(self, text: str) -> None:
        """Print a line as it is."""
        tell(self._console, text)

    def view(self, plan: Plan, metric: str, problem: Callable[[], str | None]) -> LiveView:
        """A live table where one can be drawn, plain lines elsewhere."""
        return LiveView(self._console, plan, metric, problem)
