"""search.live_page.elsewhere: where searches are brought from, and what is said if they are not there."""

import pytest
from stores import hold

from search.live_page.elsewhere import brought
from trainers.errors import EnvironmentProblem, InputError


def test_without_a_place_nothing_is_brought():
    with brought("told", None, None) as source:
        assert source is None


def test_a_named_search_is_there_before_the_page_is_served_and_nothing_is_left_afterwards(kept, uri):
    with hold(kept) as held:
        held.flush(print)
    with brought("begun", None, uri) as source:
        assert (source.root / "begun" / "search.json").exists()
        assert source.root.stat().st_mode & 0o077 == 0
    assert not source.root.exists()


def test_a_search_that_there_is_not_is_told(kept, uri):
    with hold(kept) as held:
        held.flush(print)
    with pytest.raises(InputError, match="no search 'begin' in file://"), brought("begin", None, uri):
        pass


def test_two_places_are_one_too_many(uri):
    with pytest.raises(InputError, match="--address: give it or --storage, not both"):
        brought(None, "http://127.0.0.1:9", uri).__enter__()


def test_a_store_that_is_not_there_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("search.storage.object_store.CONNECT", 0.2)
    (tmp_path / "file").touch()
    with pytest.raises((EnvironmentProblem, InputError)), brought("mine", None, (tmp_path / "file").as_uri()):
        pass


def test_a_cluster_where_nothing_answers_is_one_line():
    with pytest.raises(EnvironmentProblem, match="nothing answers there"), brought(None, "http://127.0.0.1:9", None):
        pass
