"""The end of a log, as the page shows it."""

import time
from dataclasses import dataclass
from pathlib import Path

from search.storage.fetch import stored_log
from search.storage.redact import shown_uri
from search.storage.search_folder import SearchFolder
from trainers.errors import EnvironmentProblem

MOST = 64 * 1024  # bytes of a log that are shown
ASK_EVERY = 10.0  # seconds between two questions to a store


@dataclass(frozen=True)
class LogEnd:
    """The last lines of a log, and how much of it they are."""

    text: str
    told: str  # a sentence if there is more, or nothing


def log_end(log: Path, of_what: str) -> LogEnd:
    """The end of a log file.

    Args:
        log: the file.
        of_what: whose log it is, for the sentence that there is none yet.
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
    """The end of a log that is in memory, of `size` bytes in all. It begins with a whole line."""
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
    """Reads the logs of searches whose folders are on this machine; a trial's, if it is not there, from the store."""

    def __init__(self, *, are_copies: bool = False) -> None:
        """Prepare.

        Args:
            are_copies: the folders are copies, without the driver's log.
        """
        self._are_copies = are_copies
        self._stored: dict[tuple[Path, int], tuple[float, LogEnd]] = {}

    def __call__(self, folder: SearchFolder, number: int | None) -> LogEnd:
        """The end of a trial's log, or with None of the driver's.

        Args:
            folder: the search, last step or confirmation.
            number: the trial's number, which the caller has checked.
        """
        if number is None and self._are_copies:
            return LogEnd("", "the driver's log is on the host that runs the search")
        if number is None:
            return log_end(folder.driver_log, f"search {folder.title}")
        found = log_end(folder.trial(number).log, f"trial {number}")
        return found if folder.trial(number).log.exists() else self._from_store(folder, number) or found

    def _from_store(self, folder: SearchFolder, number: int) -> LogEnd | None:
        known = self._stored.get((folder.path, number))
        if known is not None and time.monotonic() - known[0] < ASK_EVERY:
            return known[1]
        try:
            content = stored_log(folder, number)
        except (EnvironmentProblem, OSError) as problem:
            return LogEnd("", shown_uri(str(problem)))
        if content is None:
            return None
        end = shown_end(content, len(content), f"trial {number}")
        self._stored[folder.path, number] = time.monotonic(), end
        return end
