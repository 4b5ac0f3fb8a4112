"""The user's signals around a session, and how to go on after it."""

import os
import signal
import threading

import pytest

from search.engine.interrupts import shown, signals_taken, told_how_to_go_on
from search.journal.history import History
from search.storage.search_folder import SearchFolder


@pytest.fixture(autouse=True)
def _variables_as_before(monkeypatch):
    monkeypatch.setenv("TUNE_DISABLE_SIGINT_HANDLER", os.environ.get("TUNE_DISABLE_SIGINT_HANDLER", ""))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_asks_for_a_tidy_end_and_a_second_ends_at_once(number):
    said = []
    with signals_taken(said.append) as signals:
        assert not signals.received
        signal.raise_signal(number)
        assert signals.received
        assert said == ["stopping: running trials stay at their last checkpoints (Ctrl-C again ends at once)"]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


def test_handlers_are_put_back_however_the_session_ends():
    def handlers():
        return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    def session():
        with signals_taken(print) as ours:
            assert handlers() == [ours, ours]
            raise ValueError("broken")

    before = handlers()
    with pytest.raises(ValueError, match="broken"):
        session()
    assert handlers() == before


def test_a_session_in_a_thread_leaves_the_handlers_alone():
    """A notebook or a server may run one; only the main thread may set handlers."""
    found = []

    def session():
        with signals_taken(print) as signals:
            found.append((signals.received, signal.getsignal(signal.SIGINT)))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=session)
    thread.start()
    thread.join()
    assert found == [(False, before)]


class Lines(list):
    """A display that keeps what it is told."""

    say = list.append


def test_a_session_that_ends_at_once_says_how_to_go_on(told):
    said = Lines()
    with pytest.raises(KeyboardInterrupt), told_how_to_go_on(SearchFolder(told / "begun"), said):
        raise KeyboardInterrupt
    (line,) = said
    assert line.startswith("ended at once; nothing that was reported is lost: go on with `afcl resume")
    assert f" begun --results {told}`" in line


def test_a_search_that_has_not_begun_cannot_be_gone_on_with(told):
    said = Lines()
    with pytest.raises(KeyboardInterrupt), told_how_to_go_on(SearchFolder(told / "never"), said):
        raise KeyboardInterrupt
    assert said == []


def test_a_view_is_taken_down_however_the_session_ends():
    class View:
        def __init__(self):
            self.done = []

        def start(self, history):
            self.done.append(history)

        def stop(self):
            self.done.append("stop")

    def session():
        with shown(view, history):
            view.done.append("a trial")
            raise ValueError("broken")

    view, history = View(), History()
    with pytest.raises(ValueError, match="broken"):
        session()
    assert view.done == [history, "a trial", "stop"]
