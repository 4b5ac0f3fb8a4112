"""What counts as a terminal on which something can be drawn."""

import errno
import io

import pytest
from consoles import Screen, paper, screen
from rich.console import Console

from trainers.console import TolerantStream, can_redraw, make_tolerant, terminal_variables


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


class Closed(io.StringIO):
    """A terminal that was closed."""

    def write(self, text: str) -> int:
        raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", "e 1, t 2 x ? \\xe9"), ("latin-1", "e 1, t 2 × ? \\xe9")])
def test_what_an_encoding_lacks_is_replaced_letter_by_letter(encoding, shown):
    raw = io.BytesIO()
    stream = TolerantStream(io.TextIOWrapper(raw, encoding))
    stream.write("η 1, τ 2 × 日 \udce9")
    stream.flush()
    assert raw.getvalue().decode(encoding) == shown


def test_a_stream_of_this_process_can_be_made_tolerant():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, "utf-8")
    make_tolerant(stream)
    print("η \udce9 …", file=stream, flush=True)
    assert raw.getvalue().decode() == "η \\xe9 …\n"
    make_tolerant(None)


def test_a_terminal_that_was_closed_takes_words_in_silence():
    stream = TolerantStream(Closed())
    Console(file=stream).print("stopping")
    assert stream.problem.errno == errno.EIO
