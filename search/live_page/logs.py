"""The end of a log, as the page shows it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from search.storage.fetch import stored_log
from search.storage.redact import shown_uri
from search.storage.search_folder import SearchFolder
from trainers.errors import EnvironmentProblem, InputError

MOST = 64 * 1024  # the most bytes of a log that are shown
ASK_EVERY = 10.0  # seconds for which a log from a store or a cluster is kept before it is asked for again


@dataclass(frozen=True)
class LogEnd:
    """The last lines of a log, and how much of it they are."""

    text: str
    told: str  # how much of the log the text is, or why the text is empty; "" if the text is the whole log


def log_end(log: Path, of_what: str) -> LogEnd:
    """The end of a log file, or why it cannot be shown.

    Args:
        log: the file.
        of_what: whose log it is, such as "trial 3", for the sentence if there is no log.
    """
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - MOST))
            content = file.read(MOST)
    except FileNotFoundError:
        return LogEnd("", f"{of_what} has no log yet")
    except OSError as error:
        return LogEnd("", f"the log of {of_what} cannot be read: {error.strerror}")
    return shown_end(content, size, of_what)


def shown_end(content: bytes, size: int, of_what: str) -> LogEnd:
    """The end of a log that is in memory. If the log is cut, the shown text begins with a whole line.

    Args:
        content: the log, or at least its last `MOST` bytes.
        size: how many bytes the whole log has.
        of_what: whose log it is, such as "trial 3".
    """
    if not content:
        return LogEnd("", f"{of_what} printed nothing")
    is_cut = size > MOST
    content = content[-MOST:]
    if is_cut:
        content = content.partition(b"\n")[2] or content
    told = f"the last {len(content) / 1024:.0f} KiB of {_size(size)}" if is_cut else ""
    return LogEnd(shown_uri(content.decode("utf-8", errors="replace")), told)


def _size(count: int) -> str:
    return f"{count / 1024:.0f} KiB" if count < 10 * 1024**2 else f"{count / 1024**2:.0f} MiB"


class Logs:
    """Reads logs from search folders, or from copies of them.

    If a trial's log is not in the folder, it is read from the search's store.
    """

    def __init__(self, of_driver: Callable[[str], str | None] | None = None) -> None:
        """Prepare to read logs.

        Args:
            of_driver: returns what the driver of a search has printed, from the search's name. Give it if the folders
                are copies, which have no driver's log. None reads the driver's log in the folder.
        """
        self._of_driver = of_driver
        self._stored: dict[tuple[Path, int | None], tuple[float, LogEnd]] = {}

    def __call__(self, folder: SearchFolder, number: int | None) -> LogEnd:
        """The end of a trial's log, or of the driver's log if `number` is None.

        Args:
            folder: the search, last step or confirmation.
            number: the number of a trial that is known to exist, or None.
        """
        if folder.is_published():
            return LogEnd("", f"search {folder.title} is published without its logs")
        if number is None:
            of_driver = self._of_driver
            if of_driver is None:
                return log_end(folder.driver_log, f"search {folder.title}")
            found = self._asked(folder, None, lambda: of_driver(folder.searched.name))
            return found or LogEnd("", "the driver's log is on the host that runs the search")
        found = log_end(folder.trial(number).log, f"trial {number}")
        if folder.trial(number).log.exists():
            return found
        return self._asked(folder, number, lambda: stored_log(folder, number)) or found

    def _asked(self, folder: SearchFolder, number: int | None, ask: Callable[[], str | bytes | None]) -> LogEnd | None:
        """The end of the log that `ask` returns, or why `ask` failed; None if it returns None.

        A log that was returned is kept for `ASK_EVERY` seconds, in which `ask` is not called again. After a failure or
        None, the next call asks at once.
        """
        known = self._stored.get((folder.path, number))
        if known is not None and time.monotonic() - known[0] < ASK_EVERY:
            return known[1]
        try:
            content = ask()
        except (EnvironmentProblem, InputError, OSError) as problem:
            return LogEnd("", shown_uri(str(problem)))
        if content is None:
            return None
        content = content.encode() if isinstance(content, str) else content
        end = shown_end(content, len(content), f"search {folder.title}" if number is None else f"trial {number}")
        self._stored[folder.path, number] = time.monotonic(), end
        return end
