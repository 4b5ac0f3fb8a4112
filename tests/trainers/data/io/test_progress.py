"""What a person sees of work that takes long."""

import sys
import time

import pytest
from consoles import Screen

from trainers.data.io import progress
from trainers.data.io.progress import counted, tracked


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.01)
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def terminal(impatient, monkeypatch):
    """A terminal as stderr, for what its TERM says."""

    def of(kind: str | None) -> Screen:
        monkeypatch.setenv("TERM", kind) if kind else monkeypatch.delenv("TERM", raising=False)
        shown = Screen()
        monkeypatch.setattr(sys, "stderr", shown)
        return shown

    return of


def slowly(items):
    for item in items:
        time.sleep(0.02)
        yield item


def test_quick_work_shows_nothing(capsys):
    assert list(tracked("abc", 3, "Reading")) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_a_file_has_a_line_now_and_then(impatient, capsys):
    assert list(tracked(slowly("abc"), 3, "Reading")) == ["a", "b", "c"]
    assert capsys.readouterr().err == "Reading: 1 of 3\n"


@pytest.mark.parametrize("kind", ["dumb", "unknown", None])
def test_a_dumb_terminal_has_lines_too(kind, terminal):
    shown = terminal(kind)
    assert list(tracked(slowly("abc"), 3, "Reading")) == ["a", "b", "c"]
    assert shown.getvalue() == "Reading: 1 of 3\n"


def test_a_terminal_has_a_bar_and_no_lines(terminal):
    shown = terminal("xterm")
    assert list(tracked(slowly("abc"), 3, "Reading")) == ["a", "b", "c"]
    assert "━" in shown.getvalue()
    assert "of 3" not in shown.getvalue()


def test_a_bar_can_stand_there_before_anything_is_done(terminal):
    shown = terminal("xterm")
    with counted(3, "epochs", bar_at_once=True):
        pass
    assert "epochs" in shown.getvalue()
    shown = terminal("dumb")
    with counted(3, "epochs", bar_at_once=True):
        pass
    assert shown.getvalue() == ""
