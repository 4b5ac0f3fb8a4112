"""Blocks around a session of a search: handle signals, say how to go on, show the view, connect to Ray."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from search.cluster.connection import connected, is_connected, joined_by_user
from search.engine.display import Display, View
from search.journal.history import History
from search.storage.search_folder import SearchFolder


class Signals:
    """Handles Ctrl-C, SIGTERM and SIGHUP (a closed terminal). The first stops the search tidily, a second at once."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self.received = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: note the first; raise KeyboardInterrupt for a second, unless the second is SIGHUP."""
        if self.received and number == signal.SIGHUP:  # a closed terminal and its shell both send it
            return
        if self.received:
            raise KeyboardInterrupt
        self.received = True
        self._tell("stopping: running trials stay at their last checkpoints (Ctrl-C again ends at once)")


@contextmanager
def signals_taken(tell: Callable[[str], None]) -> Iterator[Signals]:
    """Handle Ctrl-C, SIGTERM and SIGHUP within the block. An ignored SIGHUP (nohup) stays ignored.

    Outside the main thread no signal is handled.
    """
    signals = Signals(tell)
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # else Tuner.fit replaces our handler with its own
    if threading.current_thread() is not threading.main_thread():  # Python sets handlers in the main thread only
        yield signals
        return
    taken = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        taken.append(signal.SIGHUP)
    before = {number: signal.signal(number, signals) for number in taken}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def told_how_to_go_on(folder: SearchFolder, display: Display) -> Iterator[None]:
    """If a second Ctrl-C ends the block, and the search has begun, say how to go on with the search."""
    try:
        yield
    except KeyboardInterrupt:
        if folder.path.exists():
            display.say(f"ended at once; nothing that was reported is lost: go on with `{folder.hint('resume')}`")
        raise


@contextmanager
def shown(view: View, history: History) -> Iterator[None]:
    """Show the view within the block."""
    view.start(history)
    try:
        yield
    finally:
        view.stop()


@contextmanager
def connected_quietly(address: str | None, display: Display) -> Iterator[None]:
    """Be connected to Ray within the block. A new connection is announced on the display."""
    if (users := joined_by_user()) is not None:
        display.say(f"using the Ray that this process is connected to, at {users}")
    elif not is_connected():
        display.say("starting Ray" if address is None else f"joining Ray at {address}")
    with connected(address):
        yield
