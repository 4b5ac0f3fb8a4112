"""search.live_page.stored_searches: a store's searches, while their drivers run on other hosts."""

import json
from dataclasses import asdict, replace

import pytest
from stores import hold, played, stored, wait_until
from told_trials import told_value

from search.live_page import stored_searches as bringing
from search.live_page.mlflow_runs import MlflowRuns
from search.live_page.searches import Searches
from search.live_page.stored_searches import StoredSearches
from search.storage.lease import FILE, Holder
from search.storage.object_store import Storage, StorageError
from trainers.errors import InputError


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(bringing, "monotonic", lambda: now[0])
    monkeypatch.setattr("search.live_page.searches.REST", 0.0)
    return now


@pytest.fixture
def seen(kept, uri, clock, tmp_path):
    """The searches as another machine sees them in the store, looked at whenever it is called."""
    root = tmp_path / "copies"
    root.mkdir()
    searches = Searches(root, MlflowRuns(), StoredSearches(uri, root))

    def look():
        clock[0] += bringing.EVERY + 1
        searches.look()
        return searches

    return look


@pytest.mark.slow
def test_a_search_is_followed_while_its_driver_runs_elsewhere(kept, seen):
    with hold(kept) as held:
        conductor = played(kept, held.mirror)
        conductor.launched(0)
        wait_until(lambda: stored(kept) == kept.journal.read_bytes())
        standing = seen().named("begun")
        assert standing.is_running
        assert standing.groups[0].running[0].epoch == "1 of 3"
        conductor.result(0, 2, told_value(conductor, 0.5))
        wait_until(lambda: stored(kept) == kept.journal.read_bytes())
        again = seen().named("begun")
        assert again.is_running
        assert again.groups[0].running[0].epoch == "2 of 3"
        assert seen().followed("begun").explained(0)
        conductor.close("interrupted")
    assert seen().named("begun").state == "interrupted"


def test_a_driver_that_gives_no_sign_of_life_has_been_lost(kept, seen, clock):
    with hold(kept) as held:
        held.flush(print)
    alive = Holder("id", 9, "far", 7, "another machine")
    kept.storage.put(FILE, json.dumps(asdict(alive)).encode())
    kept.storage.put("journal/newer", b"")  # a driver that has begun leaves a piece of its journal too
    assert seen().named("begun").is_running
    clock[0] += 20
    kept.storage.put(FILE, json.dumps(asdict(replace(alive, beat=1))).encode())
    assert seen().named("begun").is_running
    clock[0] += 60
    assert seen().named("begun").state == "interrupted"


def test_one_that_is_removed_from_the_store_is_gone_and_a_damaged_one_is_a_row(kept, seen, uri):
    with hold(kept) as held:
        held.flush(print)
    store = Storage(uri)
    for name in ("search.json", "spec.yaml"):
        store.put(f"spoilt/{name}", b"nonsense: [")
    found = seen()
    assert [one.name for one in found.all()] == ["begun", "spoilt"]
    assert found.named("spoilt").problem
    for name in store.names("begun"):
        (kept.root.parent / "store" / name).unlink()
    assert [one.name for one in seen().all()] == ["spoilt"]


def test_a_piece_of_a_journal_is_fetched_once(kept, seen, monkeypatch):
    with hold(kept) as held:
        held.flush(print)
    seen()
    fetched, find = [], Storage.find
    monkeypatch.setattr(Storage, "find", lambda self, name: fetched.append(name) or find(self, name))
    assert seen().named("begun").counts
    assert fetched == [], "a released lease is not asked for either"


def test_a_store_that_does_not_answer_leaves_what_was_seen(kept, seen, monkeypatch):
    with hold(kept) as held:
        held.flush(print)
    assert seen().problem is None

    def refuse(*_):
        raise StorageError("nobody there")

    monkeypatch.setattr(Storage, "_ask", refuse)
    found = seen()
    assert found.problem.endswith("(nobody there); what is shown is from before")
    assert found.named("begun").counts


def test_an_address_with_a_password_is_refused(tmp_path):
    with pytest.raises(InputError):
        StoredSearches("s3://me:swordfish@bucket/x", tmp_path)
