"""What `afcl train` shows of its epochs on a terminal, and where there is none."""

import io
import sys

import pytest
from consoles import Screen

from search.cli.common import epochs_shown, training_shown
from trainers.data.io import progress


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)


def shown(monkeypatch, stderr: io.StringIO, kind: str = "xterm", quiet: bool = False) -> str:
    """What `afcl train` shows of three epochs."""
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", kind)
    monkeypatch.setattr(sys, "stderr", stderr)
    with epochs_shown(3, quiet=quiet) as report:
        for step in (1, 2, 3):
            report(step, {})
    return stderr.getvalue()


def test_a_trials_epochs_are_lines_on_a_dumb_terminal(monkeypatch):
    assert shown(monkeypatch, Screen(), "dumb") == "epochs: 1 of 3\nepochs: 2 of 3\nepochs: 3 of 3\n"


def test_a_trials_epochs_are_a_bar_on_a_terminal(monkeypatch):
    drawn = shown(monkeypatch, Screen())
    assert "━" in drawn
    assert "of 3" not in drawn


def test_a_trials_epochs_are_not_shown_to_a_script(monkeypatch):
    assert shown(monkeypatch, io.StringIO()) == ""
    assert shown(monkeypatch, Screen(), quiet=True) == ""


def test_a_training_is_shown_from_its_first_word_on(monkeypatch):
    """That is when `search.train` says how many epochs there will be."""
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys, "stderr", Screen())
    with training_shown(quiet=False) as on_epoch:
        for epoch in range(3):
            on_epoch(epoch, 2, {})
    assert sys.stderr.getvalue() == "epochs: 1 of 2\nepochs: 2 of 2\n"
