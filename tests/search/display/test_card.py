"""The table that a notebook shows for a search. See search.display.card."""

import json
import re

import search
from search.display.card import card
from search.storage.search_folder import SearchFolder


def test_a_search_is_its_state_and_its_best_trials(told):
    folder = SearchFolder(told / "told")
    html, best = card(folder), folder.history().ranked()[0]
    assert "<strong>told</strong>: done, " in html
    assert re.search(rf"<td[^>]*>1</td>\s*<td[^>]*>{best.number}</td>", html)
    assert f"{best.score:.4f}" in html
    assert search.open("told", results=told)._repr_html_() == html


def test_what_ranks_has_a_column_where_it_is_not_the_score(told):
    folder = SearchFolder(told / "told")
    events = [json.loads(line) for line in folder.journal.read_text().splitlines()]
    for event in events:
        event.pop("decided", None)
    for decided in ({}, {"decided": 0.1234}):
        told_of = [event | (decided if event.get("state") == "finished" else {}) for event in events]
        folder.journal.write_text("".join(json.dumps(event) + "\n" for event in told_of))
        html = card(folder)
        assert ("decided by" in html, "0.1234" in html) == (bool(decided), bool(decided))


def test_a_search_without_a_finished_trial_has_no_table(told):
    html = card(SearchFolder(told / "begun"))
    assert "interrupted, 0 of 7 ended" in html
    assert "<table" not in html


def test_what_stands_in_a_folder_is_text_and_no_markup(told):
    folder = SearchFolder(told / "told")
    about = folder.path / "search.json"
    about.write_text(about.read_text().replace('"description": "', '"description": "<script>x</script>'))
    html = card(folder)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_it_has_no_colours_but_the_reader_s(told):
    html = card(SearchFolder(told / "told"))
    assert not re.search(r"#[0-9a-f]{3,6}\b|rgb\(", html)
    assert set(re.findall(r"(?<!-)color:(\w+)", html)) == {"inherit"}


def test_a_search_that_was_removed_says_so(told):
    found = search.open("told", results=told)
    found.rm()
    assert repr(found) == "<Search told: removed>"
    assert found._repr_html_() is None
