"""A session on a console: lines as they are, and a view of its trials."""

import inspect

from consoles import paper

from search.display.on_console import ConsoleDisplay
from search.engine.display import Display, View
from search.engine.plan import make_plan
from search.journal.history import History
from search.storage.search_folder import SearchFolder
from trainers.data import load


def test_a_line_is_printed_as_it_is(told):
    console = paper(40)
    line = "[bold] 12345 is no markup, no number in colour, and longer than the paper is wide"
    ConsoleDisplay(console).say(line)
    assert console.file.getvalue() == f"{line}\n"


def test_a_view_tells_of_trials_as_they_end(told):
    folder, console = SearchFolder(told / "told"), paper(120)
    spec, history = folder.spec(), folder.history()
    view = ConsoleDisplay(console).view(make_plan(spec, load(spec.data)), spec.search.metric_key, lambda: None)
    view.start(History())
    best = history.ranked()[0]
    view.on_event({"event": "end", "trial": best.number}, history)
    view.stop()
    assert f"trial {best.number}" in console.file.getvalue()
    assert f"{best.score:.4f}" in console.file.getvalue()


def test_it_has_every_word_that_the_engine_speaks():
    for protocol, kind in ((Display, ConsoleDisplay), (View, inspect.signature(ConsoleDisplay.view).return_annotation)):
        for name, spoken in vars(protocol).items():
            if not name.startswith("_"):
                assert list(inspect.signature(spoken).parameters) == list(
                    inspect.signature(getattr(kind, name)).parameters
                )
