"""What a person sees of a search where there is no terminal."""

import io

import pytest
from rich.console import Console

from search import live
from search.live import LiveView
from search.plan import make_plan
from search.store import SearchFolder
from trainers.data import load


@pytest.fixture
def watched(told, monkeypatch):
    """A view of a search that has begun, what it prints, and the hands of its clock."""
    folder, clock, printed = SearchFolder(told / "begun"), [1000.0], io.StringIO()
    monkeypatch.setattr(live.time, "monotonic", lambda: clock[0])
    problem: list[str | None] = [None]
    spec = folder.spec()
    view = LiveView(Console(file=printed, width=200), make_plan(spec, load(spec.data)), "val_x", lambda: problem[0])
    view.start(folder.history())
    return view, folder.history(), printed, clock, problem


def test_a_search_whose_epochs_are_long_says_that_it_lives(watched):
    view, _, printed, clock, _ = watched
    view.sign_of_life()
    assert printed.getvalue() == "", "it has just begun"
    clock[0] += 600
    view.sign_of_life()
    view.sign_of_life()
    assert printed.getvalue().count("running: trial none; 0 of 7 trials ended") == 1
    assert printed.getvalue().startswith(" 10:00  ")


def test_a_store_that_takes_nothing_is_told_once(watched):
    view, history, printed, _, problem = watched
    for said in ("MLflow takes nothing (no server answers)", "MLflow takes nothing (503)", "the storage neither (403)"):
        problem[0] = said
        view.on_event({"event": "launched", "trial": 0}, history)
    assert printed.getvalue().count("MLflow takes nothing (no server answers)") == 1
    assert "503" not in printed.getvalue()
    problem[0] = "a store waits (1)"
    view.sign_of_life()
    assert "a store waits" in printed.getvalue(), "when nothing happens it is told too"
    assert "the storage neither (403)" in printed.getvalue()
