"""What a session shows: the door through which the engine speaks to whoever watches.

The terminal is one such (search.display), a notebook or a test may be another.
"""

from collections.abc import Callable
from typing import Protocol

from search.engine.plan import Plan
from search.journal.history import History
from search.journal.log import Event


class View(Protocol):
    """What is seen of a search while it runs."""

    def start(self, history: History) -> None:
        """Begin to show."""

    def stop(self) -> None:
        """End."""

    def on_event(self, event: Event, history: History) -> None:
        """Take one thing that happened; the history has it already."""

    def sign_of_life(self) -> None:
        """Time has passed: called at every turn of Ray's loop."""

    def tell(self, text: str) -> None:
        """Show a line that is no event of the search."""


class Display(Protocol):
    """Where a session speaks, and what it shows while trials run."""

    def say(self, text: str) -> None:
        """Show a line before or after trials run."""

    def view(self, plan: Plan, metric: str, problem: Callable[[], str | None]) -> View:
        """A view for a session.

        Args:
            plan: what the search will take.
            metric: the name under which trials report what is searched for.
            problem: what a person should know of MLflow and the store just now, a sentence; None where all is well.
        """
