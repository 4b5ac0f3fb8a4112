"""The block that a notebook shows below a cell. tests/integration/test_notebook.py executes a real notebook."""

import pytest
from rich.text import Text

from search.display import console, notebook
from search.display.live import LiveView
from search.display.notebook import NotebookConsole, as_html, is_notebook
from search.display.on_console import ConsoleDisplay
from search.engine.plan import make_plan
from search.journal.history import History
from search.storage.search_folder import SearchFolder
from trainers.data import load


class Shown:
    """What was shown below a cell: the HTML of each block as it is now."""

    def __init__(self) -> None:
        self.blocks: list[str] = []

    def publish(self, html: str) -> "Shown":
        self.blocks.append(html)
        return self

    def update(self, html: str) -> None:
        self.blocks[-1] = html


@pytest.fixture
def shown(monkeypatch) -> Shown:
    """A notebook, as far as we can tell."""
    shown = Shown()
    monkeypatch.setattr(console, "is_notebook", lambda: True)
    monkeypatch.setattr(notebook, "publish", shown.publish)
    return shown


def test_python_alone_is_no_notebook():
    assert not is_notebook()


def test_lines_stand_in_one_block_that_is_drawn_again(shown):
    display = ConsoleDisplay()
    display.say("starting Ray")
    display.say("<b>&[red]")
    (block,) = shown.blocks
    assert "starting Ray\n&lt;b&gt;&amp;[red]\n" in block
    assert "white-space:pre-wrap" in block


def test_each_function_has_a_block_of_its_own(shown):
    for said in ("first", "second"):
        ConsoleDisplay().say(said)
    assert ["first" in block for block in shown.blocks] == [True, False]


def test_a_search_is_a_table_below_the_lines_while_it_runs(shown, told):
    folder = SearchFolder(told / "told")
    spec, history = folder.spec(), folder.history()
    display = ConsoleDisplay()
    display.say("told: digits")
    view = display.view(make_plan(spec, load(spec.data)), spec.search.metric_key, lambda: None)
    assert isinstance(view, LiveView)
    view.start(History())
    assert "starting workers" in shown.blocks[0]
    view.start(history)
    assert "best so far" in shown.blocks[0]
    view.tell("a store waits")
    view.stop()
    (block,) = shown.blocks
    assert "best so far" not in block
    assert "told: digits" in block
    assert "a store waits" in block


def test_events_draw_the_block_again_but_not_at_once(shown, told, monkeypatch):
    folder, clock = SearchFolder(told / "begun"), [1000.0]
    monkeypatch.setattr(notebook.time, "monotonic", lambda: clock[0])
    spec, history, drawn = folder.spec(), folder.history(), []
    monkeypatch.setattr(shown, "update", drawn.append)
    view = ConsoleDisplay().view(make_plan(spec, load(spec.data)), spec.search.metric_key, lambda: None)
    view.start(history)
    before = len(drawn)
    for _ in range(3):
        view.sign_of_life()
    assert len(drawn) == before
    clock[0] += notebook.REDRAW_SECONDS
    view.on_event({"event": "launched", "trial": 0}, history)
    assert len(drawn) == before + 1


def test_a_console_of_the_user_s_own_stays(shown):
    from consoles import paper

    own = paper(80)
    ConsoleDisplay(own).say("here")
    assert (own.file.getvalue(), shown.blocks) == ("here\n", [])


def test_what_rich_draws_has_no_background_of_its_own():
    html = as_html(Text("best", style="bold"))
    assert "font-weight: bold" in html
    assert "background" not in html


def test_a_console_is_as_wide_on_every_machine():
    assert NotebookConsole(lambda html: None).width == notebook.COLUMNS
