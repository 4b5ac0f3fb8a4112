"""The display in a notebook: one block below the cell, which is redrawn in place as the search goes on."""

import io
import logging
import threading
import time
import warnings
from collections.abc import Callable
from html import escape
from importlib import import_module
from typing import Any

from rich.console import Console, RenderableType

COLUMNS = 100  # characters of a line
REDRAW_SECONDS = 0.5  # not more often, as the whole block is sent to the notebook each time
# the block sets no colours, so that it fits light and dark themes
BLOCK = '<pre style="margin:0;line-height:1.35;background:none;color:inherit;{more}">{code}</pre>'


def is_notebook() -> bool:
    """Whether this process runs the cells of a notebook. IPython in a terminal does not count."""
    return Console().is_jupyter


if is_notebook():  # Ray and Optuna warn at import that ipywidgets is missing; we do not need it
    logging.getLogger("ray.widgets.util").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message="IProgress not found")


def publish(html: str) -> Any:
    """Show HTML below the cell. The method `update` of the returned object replaces the HTML."""
    shown: Any = import_module("IPython.display")  # only a notebook has it, and it has few types
    return _Updated(shown.display(shown.HTML(html), display_id=True), shown.HTML)


class _Updated:
    def __init__(self, handle: Any, kind: Any) -> None:
        self._handle, self._kind = handle, kind

    def update(self, html: str) -> None:
        """Show other HTML in place of the first."""
        self._handle.update(self._kind(html))


class NotebookConsole(Console):
    """A console that shows its lines in one block below the cell. A live block that runs is drawn below the lines."""

    def __init__(self, show: Callable[[str], Any] | None = None) -> None:
        """Make an empty console.

        Args:
            show: shows HTML for the first time, and returns an object with `update`; by default `publish`.
        """
        super().__init__(
            file=io.StringIO(),
            width=COLUMNS,
            force_jupyter=False,
            force_terminal=False,
            color_system=None,
            markup=False,
            emoji=False,
            highlight=False,
        )
        self._show, self._shown = show or publish, None
        self._running: Callable[[], RenderableType] | None = None
        self._drawn_at = 0.0
        self._drawing = threading.Lock()  # the delivery to MLflow prints from a thread of its own

    def print(self, *objects: Any, **how: Any) -> None:
        """Print, and redraw the block."""
        super().print(*objects, **how)
        self.draw()

    def live(self, render: Callable[[], RenderableType]) -> "LiveBlock":
        """A new live block, which is drawn below the lines from its `start` to its `stop`."""
        return LiveBlock(self, render)

    def run(self, render: Callable[[], RenderableType] | None) -> None:
        """From now on, draw what `render` returns below the lines. With None, draw nothing there."""
        self._running = render
        self.draw()

    def draw_in_time(self) -> None:
        """Redraw the block, unless it was drawn less than `REDRAW_SECONDS` ago."""
        if time.monotonic() - self._drawn_at >= REDRAW_SECONDS:
            self.draw()

    def draw(self) -> None:
        """Draw the block: the lines printed so far, and the live block if one runs."""
        assert isinstance(self.file, io.StringIO)
        html = BLOCK.format(more="white-space:pre-wrap", code=escape(self.file.getvalue()))
        if self._running is not None:
            html += BLOCK.format(more="overflow-x:auto", code=as_html(self._running()))
        with self._drawing:
            if self._shown is None:
                self._shown = self._show(html)
            else:
                self._shown.update(html)
            self._drawn_at = time.monotonic()


class LiveBlock:
    """Redraws a table in a notebook, as rich's `Live` does on a terminal. The methods have the same names."""

    def __init__(self, console: NotebookConsole, render: Callable[[], RenderableType]) -> None:
        """Prepare the block. `render` returns what the block shows, and is called at each redraw."""
        self._console, self._render = console, render

    def start(self) -> None:
        """Start to show the block."""
        self._console.run(self._render)

    def stop(self) -> None:
        """Remove the live block. The lines that were printed above it stay."""
        self._console.run(None)

    def refresh(self) -> None:
        """Redraw the block, unless it was drawn a moment ago; see `NotebookConsole.draw_in_time`."""
        self._console.draw_in_time()


def as_html(drawn: RenderableType) -> str:
    """HTML without a background, for anything that rich can draw."""
    paper = Console(
        record=True,
        file=io.StringIO(),
        width=COLUMNS,
        force_jupyter=False,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
        _environ={},
    )
    paper.print(drawn)
    return paper.export_html(inline_styles=True, code_format="{code}")
