"""What counts as a terminal on which something can be drawn."""

import pytest
from consoles import Screen, paper, screen
from rich.console import Console

from trainers.console import can_redraw, terminal_variables


@pytest.mark.parametrize(
    ("kind", "draws"),
    [("xterm", True), ("linux", True), ("dumb", False), ("unknown", False), ("", False), (None, False)],
)
def test_only_a_terminal_that_says_what_it_is_is_drawn_on(kind, draws, monkeypatch):
    for name in ("TERM", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    if kind is not None:
        monkeypatch.setenv("TERM", kind)
    console = Console(file=Screen(), _environ=terminal_variables())
    assert console.is_terminal
    assert can_redraw(console) == draws


def test_nothing_is_drawn_in_a_file():
    assert can_redraw(screen(80))
    assert not can_redraw(paper(80))


@pytest.mark.parametrize("kind", ["xterm", "dumb"])
def test_a_person_who_wants_no_drawing_has_none(kind):
    """TTY_INTERACTIVE is rich's variable; with 1 rich says that a dumb terminal can draw, and draws nothing."""
    wish = {"xterm": "0", "dumb": "1"}[kind]
    console = Console(file=Screen(), _environ={"TERM": kind, "TTY_INTERACTIVE": wish})
    assert console.is_interactive == (wish == "1")
    assert not can_redraw(console)
