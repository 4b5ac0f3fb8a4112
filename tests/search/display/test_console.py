"""Where the command line prints: how wide it is."""

import io

from consoles import Screen

from search.display.console import UNBOUNDED, Terminal


def test_a_pipe_that_wants_colours_has_no_edge_either(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert Terminal(file=io.StringIO()).width == UNBOUNDED
    assert Terminal(file=Screen()).width < UNBOUNDED
