"""One driver at a time, across hosts."""

import json
import time

import pytest
from stores import hold, played, stored, wait_until
from told_trials import told_value

from search.storage import lease
from search.storage.fetch import bring
from search.storage.lease import Holder, Lease, holder_of
from search.storage.object_store import Storage
from search.storage.ownership import taken
from search.storage.search_folder import SearchFolder
from trainers.errors import EnvironmentProblem


def test_a_second_driver_is_refused_whatever_folder_it_has(kept, uri, tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "RENEWED_EVERY", 0.1)
    with hold(kept):
        other = bring(tmp_path / "other", kept.name, uri)
        with (
            pytest.raises(EnvironmentProblem, match=r"search begun is run by process \d+ on .*, says file://"),
            hold(other),
        ):
            pass
    with hold(other):
        pass


def test_a_driver_on_this_machine_that_is_dead_is_not_waited_for(kept):
    dead = Holder("x", 3, "here", 2**22 + 1, lease.this_machine())
    kept.storage.put(lease.FILE, json.dumps(vars(dead)).encode())
    started = time.monotonic()
    with hold(kept) as held:
        assert held.lease.number == 4
    assert time.monotonic() - started < lease.STALE_AFTER / 2


def test_a_driver_elsewhere_that_gives_no_sign_is_taken_over_from(kept, monkeypatch):
    monkeypatch.setattr(lease, "STALE_AFTER", 0.4)
    silent = Holder("x", 3, "gone", 1, "another machine")
    kept.storage.put(lease.FILE, json.dumps(vars(silent)).encode())
    told = []
    with taken(kept, told.append) as held:
        assert held.lease.number == 4
    assert told == ["process 1 on gone had the search; waiting up to 0 s for a sign of its life"]


def test_of_two_that_begin_at_once_the_later_has_it(kept, monkeypatch):
    place = kept.storage
    theirs = Holder("x", 1, "elsewhere", 1, "another machine")

    def meanwhile(seconds):
        place.put(lease.FILE, json.dumps(vars(theirs)).encode())

    with monkeypatch.context() as patch:
        patch.setattr(lease.time, "sleep", meanwhile)
        with pytest.raises(EnvironmentProblem, match="begun at the same moment by process 1 on elsewhere"):
            Lease(place, "begun", print)
    assert holder_of(place) == theirs


def test_a_driver_whose_search_was_taken_over_writes_nothing_more_there(kept, monkeypatch):
    monkeypatch.setattr(lease, "RENEWED_EVERY", 0.05)
    with hold(kept) as held:
        conductor = played(kept, held.mirror)
        wait_until(lambda: stored(kept) == kept.journal.read_bytes())
        taker = Holder("x", 9, "elsewhere", 1, "another machine")

        def is_noticed():  # the lease may just have been looked at, and be written over: whoever takes it looks again
            kept.storage.put(lease.FILE, json.dumps(vars(taker)).encode())
            return held.taken_over() is not None

        wait_until(is_noticed)
        assert held.taken_over() == "the search was taken over by process 1 on elsewhere"
        before = stored(kept)
        conductor.result(0, 2, told_value(conductor, 0.5))
        conductor.close("interrupted")
    assert stored(kept) == before
    assert holder_of(kept.storage) == taker, "it gives back nothing that is not its own"


def test_a_lease_that_was_removed_does_not_make_older_pieces_newer(kept):
    for _ in range(3):
        with hold(kept) as held:
            played(kept, held.mirror).close("interrupted")
    kept.storage.delete(lease.FILE)
    with hold(kept) as held:
        played(kept, held.mirror).close("interrupted")
    assert stored(kept) == kept.journal.read_bytes()


def test_a_lock_that_other_hosts_do_not_see_is_helped_by_a_lease_in_the_folder(told, hurried, monkeypatch):
    """A shared filesystem that passes no lock on: the other host's driver is known by its signs of life alone."""
    folder, place = SearchFolder(told / "begun"), Storage(str(told / "begun"))
    other = Holder("x", 3, "elsewhere", 1, "another machine")
    place.put(lease.FILE, json.dumps(vars(other)).encode())

    def beats(seconds):
        place.put(lease.FILE, json.dumps(vars(other) | {"beat": time.time_ns()}).encode())

    with monkeypatch.context() as patch:
        patch.setattr(lease.time, "sleep", beats)
        with pytest.raises(EnvironmentProblem, match="search begun is run by process 1 on elsewhere"), hold(folder):
            pass
    monkeypatch.setattr(lease, "STALE_AFTER", 0.2)
    with hold(folder) as held:
        assert held.lease.number == 4
        assert held.listeners == []
    with hold(folder) as held:
        assert held.lease.number == 5
