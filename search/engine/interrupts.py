"""What surrounds a session of a search: the user's signals, and how to go on."""

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
    """Ctrl-C, SIGTERM or a closed terminal (SIGHUP), once: stop tidily. Twice: at once."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self.received = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Take a signal."""
        if self.received and number == signal.SIGHUP:  # a terminal that is closed sends it, and then its shell does
            return
        if self.received:
            raise KeyboardInterrupt
        self.received = True
        self._tell("stopping: what runs is left at its last checkpoint (Ctrl-C again ends at once)")


@contextmanager
def signals_taken(tell: Callable[[str], None]) -> Iterator[Signals]:
    """Take Ctrl-C, SIGTERM and SIGHUP inside; a SIGHUP that is ignored (nohup) stays so."""
    signals = Signals(tell)
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # else Tuner.fit puts a handler of its own in our place
    if threading.current_thread() is not threading.main_thread():  # only there may handlers be set
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
    """Whenever a session is ended at once, say how to go on with the search, if it has begun."""
    try:
        yield
    except KeyboardInterrupt:
        if folder.path.exists():
            display.say(f"ended at once; nothing that was reported is lost: go on with `{folder.hint('resume')}`")
        raise


@contextmanager
def shown(view: View, history: History) -> Iterator[None]:
    """Show the view inside."""
    view.start(history)
    try:
        yield
    finally:
        view.stop()


@contextmanager
def connected_quietly(address: str | None, display: Display) -> Iterator[None]:
    """Be connected to Ray inside, and say to which where that is new."""
    if (users := joined_by_user()) is not None:
        display.say(f"using the Ray that this process is connected to, at {users}")
    elif not is_connected():
        display.say("starting Ray" if address is None else f"joining Ray at {address}")
    with connected(address):
        yield
