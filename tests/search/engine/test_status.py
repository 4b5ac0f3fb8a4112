"""How a search stands, in a word and in numbers."""

import json

import pytest

from search.engine.status import counts_line, luck_in_words, planned_in, search_state, state_in_words
from search.journal.history import History
from search.storage.search_folder import SearchFolder


def test_a_search_is_running_while_somebody_drives_it_whatever_its_journal_says(told):
    for name, alone in (("told", "done"), ("begun", "interrupted")):
        folder = SearchFolder(told / name)
        assert search_state(folder, folder.history()) == alone
        with folder.lock():
            assert search_state(folder, folder.history()) == "running"
        assert search_state(folder, folder.history()) == alone


def test_a_search_whose_driver_was_killed_is_interrupted(told):
    assert search_state(SearchFolder(told / "told"), History()) == "interrupted"


@pytest.mark.parametrize(
    ("state", "words"),
    [("stopped", "stopped as asked"), ("max_hours", "the time budget is spent"), ("done", "done")],
)
def test_a_state_is_worded_for_a_person(state, words):
    assert state_in_words(state) == words


def test_before_the_end_it_is_told_how_many_of_how_many(told):
    folder = SearchFolder(told / "begun")
    assert counts_line(folder, History()) == "0 of 7 ended"
    assert counts_line(folder, folder.history()) == "0 of 7 ended, 1 begun"


def test_at_the_end_states_are_counted_alone(told):
    folder = SearchFolder(told / "told")
    history = folder.history()
    counts = history.counts()
    assert counts_line(folder, history) == f"{counts['finished']} finished, {counts['stopped']} stopped"
    history.extra = 2
    assert counts_line(folder, history).startswith(f"7 of 9 ended ({counts['finished']} finished, ")


def test_a_search_that_has_enough_has_no_more_trials_and_says_why(told):
    folder = SearchFolder(told / "told")
    history = folder.history()
    assert list(luck_in_words(history)) == []
    history.apply({"event": "enough", "time": 0, "trials": 7, "left": 31, "gain": 0.00213, "noise": 0.00634})
    assert planned_in(folder, history) == 7
    assert counts_line(folder, history).endswith(" stopped, 31 left out")
    assert list(luck_in_words(history)) == [
        "31 trials of the plan were not run: they are expected to gain about 0.0021, and luck moves the best score by "
        "0.0063 (search.stop_when: luck)."
    ]
    history.enough["left"] = 1
    assert next(luck_in_words(history)).startswith(
        "1 trial of the plan was not run: it is expected to gain about 0.0021"
    )
    history.apply({"event": "extended", "time": 0, "trials": 4})
    assert planned_in(folder, history) == 11
    assert len(list(luck_in_words(history))) == 1, "the rest of the plan was still not run"


def test_a_confirmation_plans_a_run_for_each_candidate_on_each_seed(told):
    folder = SearchFolder(told / "told")
    assert planned_in(folder, History()) == 7
    one = {"trial": 0, "label": "CL", "rank": 1}
    about = folder.about() | {"confirms": {"candidates": [one] * 3, "seeds": [1, 2]}}
    (folder.path / "search.json").write_text(json.dumps(about))
    assert planned_in(folder, History()) == 6
