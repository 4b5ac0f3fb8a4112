"""A search as an object. See search.handle; the notebook of tests/integration uses one from its run to its export."""

import inspect

import pytest
from consoles import paper

import search
from search.storage.search_folder import SearchFolder
from trainers.errors import InputError

WORDS = ("resume", "extend", "stop", "confirm", "explain", "logs", "report", "export", "sync", "rm")
OF_THE_HANDLE = {"name", "results", "data", "address", "storage", "console", "extend_by"}


def test_an_opened_search_has_what_its_folder_has(told):
    found, folder = search.open("told", results=told), SearchFolder(told / "told")
    assert (found.name, found.state, found.folder) == ("told", "done", folder)
    assert found.spec == folder.spec()
    assert found.history.trials == folder.history().trials
    assert [trial.number for trial in found.trials] == sorted(folder.history().trials)
    assert found.best == found.ranked[0] == folder.history().ranked()[0]
    assert len(found.frames().trials) == len(found.trials)


def test_where_nothing_has_finished_there_is_no_best(told):
    found = search.open("begun", results=told)
    assert (found.best, found.ranked, found.state) == (None, [], "interrupted")


def test_an_object_sees_what_happens_after_it_was_made(told):
    found = search.open("begun", results=told)
    with found.folder.lock():
        assert found.state == "running"
    assert found.state == "interrupted"


@pytest.mark.parametrize("word", WORDS)
def test_a_method_takes_what_its_function_takes(word):
    function = inspect.signature(getattr(search, word)).parameters
    method = inspect.signature(getattr(search.Search, word)).parameters
    assert [
        name for name in function if name not in OF_THE_HANDLE and not (word in ("stop", "logs") and name == "address")
    ] == [name for name in method if name != "self"]


@pytest.mark.slow
def test_methods_act_on_this_search(told):
    console = paper(200)
    found = search.open("told", results=told, console=console)
    assert found.explain(0) == search.explain("told", 0, results=told)
    assert found.logs(0) == "trial 0 has no log yet\n"
    assert found.report().page == told / "told" / "index.html"
    assert {path.parent for path in found.export(tables="csv")} == {told / "told" / "tables"}
    with pytest.raises(InputError, match="is not running"):
        found.stop()
    again = found.resume(anyway=True)
    assert (again.name, again.reason, again.ran) == ("told", "done", False)
    assert "nothing left to run" in console.file.getvalue()
    assert found.rm() == told / "told"


def test_a_search_says_in_a_line_what_it_is(told):
    assert repr(search.open("begun", results=told)) == "<Search begun: interrupted, 0 of 7 ended, 1 begun>"
