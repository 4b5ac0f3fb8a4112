"""The interface through which the engine shows a session: lines, and a view while trials run.

The terminal implements it (search.display); a notebook or a test may as well.
"""

from collections.abc import Callable
from typing import Protocol

from search.engine.plan import Plan
from search.journal.history import History
from search.journal.log import Event


class View(Protocol):
    """A view of a running search."""

    def start(self, history: History) -> None:
        """Begin to show the search."""

    def stop(self) -> None:
        """End the view."""

    def on_event(self, event: Event, history: History) -> None:
        """Show one event, which the history has already."""

    def sign_of_life(self) -> None:
        """Update the view. Called at every turn of Ray's loop."""

    def tell(self, text: str) -> None:
        """Show a line that is not an event of the search."""


class Display(Protocol):
    """Where a session prints its lines, and the view that it shows while trials run."""

    def say(self, text: str) -> None:
        """Show a line before or after trials run."""

    def view(self, plan: Plan, metric: str, problem: Callable[[], str | None]) -> View:
        """The view for a session; it is not shown before its `start`.

        Args:
            plan: the search's plan.
            metric: the name of the search's metric in trials' reports.
            problem: returns a sentence on current trouble with MLflow or the store, or None if all is well.
        """
