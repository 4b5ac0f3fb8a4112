"""Searches in a store that is a folder here, and what plays their drivers."""

import time

from search.algorithms.proposer import SearchAgenda
from search.engine.controller import Conductor
from search.storage.fetch import bring
from search.storage.journal_segments import joined, segments
from search.storage.object_store import Storage, StorageError
from search.storage.ownership import taken
from search.storage.test_split_log import open_once


class Failing(Storage):
    """A store that can be told not to answer."""

    answers = True

    def _ask(self, what):
        if not Failing.answers:
            raise StorageError("nobody there")
        return super()._ask(what)


def stored(folder) -> bytes:
    return joined(segments(folder.storage.names("journal")), folder.storage.find)


def hold(folder):
    return taken(folder, lambda text: None)


def look_elsewhere(folder, uri, root, by):
    """On another host, look at the test split of a search that its store has, and tell the store."""
    other = bring(root, folder.name, uri)
    open_once(other.test_openings, by, again=False)
    with hold(other):
        pass


def played(folder, mirror_):
    """A conductor of the search whose events are mirrored."""
    spec, history = folder.spec(), folder.history()
    conductor = Conductor(spec, history, folder.open_journal(), SearchAgenda(spec, 1), listeners=[mirror_.on_event])
    conductor.open()
    return conductor


def wait_until(holds, seconds=90.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
