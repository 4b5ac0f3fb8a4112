"""A session in a notebook: one block below the cell, which is drawn again in place as the search goes on."""

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

COLUMNS = 100
REDRAW_SECONDS = 0.5  # a notebook is sent the whole block each time
# the reader's own colours, light or dark
BLOCK = '<pre style="margin:0;line-height:1.35;background:none;color:inherit;{more}">{code}</pre>'


def is_notebook() -> bool:
    """Whether this process runs a notebook's cells. IPython in a terminal is none."""
    return Console().is_jupyter


if is_notebook():  # before Ray and Optuna are imported, which miss ipywidgets there; nothing here needs them
    logging.getLogger("ray.widgets.util").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message="IProgress not found")


def publish(html: str) -> Any:
    """Show HTML below the cell; what is returned takes other HTML in its place, by `update`."""
    shown: Any = import_module("IPython.display")  # there in a notebook alone; it has few types
    return _Updated(shown.display(shown.HTML(html), display_id=True), shown.HTML)


class _Updated:
    def __init__(self, handle: Any, kind: Any) -> None:
        self._handle, self._kind = handle, kind

    def update(self, html: str) -> None:
        """Show this instead."""
        self._handle.update(self._kind(html))


class NotebookConsole(Console):
    """A console whose lines stand in one block below the cell, above what `live` shows while it is started."""

    def __init__(self, show: Callable[[str], Any] | None = None) -> None:
        """show: shows HTML for the first time, below the cell by default; what it returns has `update`."""
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
        self._drawing = threading.Lock()  # MLflow's thread says lines too

    def print(self, *objects: Any, **how: Any) -> None:
        """Print, and draw the block again."""
        super().print(*objects, **how)
        self.draw()

    def live(self, render: Callable[[], RenderableType]) -> "LiveBlock":
        """What is drawn below the lines between its start and its stop."""
        return LiveBlock(self, render)

    def run(self, render: Callable[[], RenderableType] | None) -> None:
        """Draw this below the lines from now on; None draws nothing there."""
        self._running = render
        self.draw()

    def draw_in_time(self) -> None:
        """Draw again, unless that was done a moment ago."""
        if time.monotonic() - self._drawn_at >= REDRAW_SECONDS:
            self.draw()

    def draw(self) -> None:
        """Draw the block."""
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
    """Has the words of rich's `Live`, on a notebook's console."""

    def __init__(self, console: NotebookConsole, render: Callable[[], RenderableType]) -> None:
        """render: draws what is shown."""
        self._console, self._render = console, render

    def start(self) -> None:
        """Begin to show."""
        self._console.run(self._render)

    def stop(self) -> None:
        """Show it no more; the lines stay."""
        self._console.run(None)

    def refresh(self) -> None:
        """Something may have changed."""
        self._console.draw_in_time()


def as_html(drawn: RenderableType) -> str:
    """What rich can draw, as HTML without a background of its own."""
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
