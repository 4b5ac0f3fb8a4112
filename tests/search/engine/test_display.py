"""The door through which the engine speaks: whoever watches may stand behind it, not the terminal alone."""

import signal

import pytest

from search.engine.display import Display, View
from search.engine.interrupts import shown, signals_taken, told_how_to_go_on
from search.journal.history import History
from search.storage.search_folder import SearchFolder


class Notebook:
    """A display, and the view that it gives, as somebody outside would write them: of these words alone."""

    def __init__(self) -> None:
        self.seen = []

    def say(self, text):
        self.seen.append(text)

    def view(self, plan, metric, problem):
        return self

    def start(self, history):
        self.seen.append("start")

    def stop(self):
        self.seen.append("stop")

    def on_event(self, event, history):
        self.seen.append(event["event"])

    def sign_of_life(self):
        self.seen.append("lives")

    def tell(self, text):
        self.seen.append(text)


def words_of(protocol) -> set[str]:
    return {name for name in vars(protocol) if not name.startswith("_") and callable(getattr(protocol, name))}


def test_a_display_needs_two_words_and_a_view_five():
    assert words_of(Display) == {"say", "view"}
    assert words_of(View) == {"start", "stop", "on_event", "sign_of_life", "tell"}
    assert words_of(Display) | words_of(View) <= words_of(Notebook)


def test_the_engine_speaks_to_any_display(told):
    notebook = Notebook()

    def session():
        with (
            told_how_to_go_on(SearchFolder(told / "told"), notebook),
            shown(notebook.view(None, "", lambda: None), History()),
            signals_taken(notebook.tell),
        ):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        session()
    assert notebook.seen[0] == "start"
    assert notebook.seen[1].startswith("stopping: ")
    assert notebook.seen[2] == "stop"
    assert notebook.seen[3].startswith("ended at once; ")
