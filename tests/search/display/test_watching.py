"""Waiting for a search that has not begun."""

import shutil

import pytest

from search.display import watching
from search.display.watching import wait_until_begun


@pytest.fixture
def sleeps(monkeypatch):
    """What happens in each of the pauses, in place of them."""
    happens = []
    monkeypatch.setattr(watching.time, "sleep", lambda seconds: happens.pop(0)())
    return happens


def test_a_search_that_is_not_there_is_waited_for_and_that_is_said_once(told, tmp_path, sleeps):
    results, said = tmp_path / "empty", []
    results.mkdir()
    sleeps += [lambda: None, lambda: shutil.copytree(told / "told", results / "told")]
    wait_until_begun("told", results, said.append)
    assert sleeps == []
    assert said == [f"told has not begun in {results}; waiting for it"]


def test_a_search_that_no_driver_has_had_yet_has_not_begun(told, sleeps):
    journal = told / "told" / "journal.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(b"")
    sleeps.append(lambda: journal.write_bytes(whole))
    wait_until_begun("told", told, lambda text: None)
    assert sleeps == []


@pytest.mark.parametrize("name", ["told", "told/confirm-1", "no name"])
def test_a_search_that_has_begun_or_can_never_do_so_is_not_waited_for(told, sleeps, name):
    wait_until_begun(name, told, lambda text: None)
