"""Draw the reports of the searches that somebody looks at, and draw them again when the searches have changed.

A report of 10,000 trials takes a minute. So a thread draws it; meanwhile the last drawn page is served, with its age.
"""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from search.live_page.following import Stamp, stamp_of_results
from search.storage.fetch import bring_results
from search.storage.published import need_journal
from search.storage.redact import shown_uri
from search.storage.search_folder import SearchFolder
from trainers.errors import EnvironmentProblem, InputError
from trainers.os_errors import in_one_line

if TYPE_CHECKING:
    from search.reporting.context import View

AT_MOST_EVERY, REST = 5.0, 10.0  # pause between drawings: at least 5 s, and 10 times the last drawing's time
WATCHED_FOR = 30.0  # after this many seconds without a request a page counts as closed
KEPT = 4  # how many reports stay in memory although nobody looks at them any more; each has some megabytes


@dataclass(frozen=True)
class Drawn:
    """A report as it was drawn last."""

    page: bytes  # HTML
    leaderboard: bytes | None  # leaderboard.csv, to which the page links; None if `afcl report` left none
    at: float  # seconds since 1970
    rest: float  # the fewest seconds until the report is drawn again

    @property
    def version(self) -> str:
        """A text that differs from drawing to drawing."""
        return f"{self.at * 1000:.0f}"


@dataclass
class _Watched:
    """One search that somebody looks at."""

    folder: SearchFolder
    asked: float  # when somebody asked for the report last, on the monotonic clock
    drawn: Drawn | None = None
    shows: Stamp | None = None  # the search's stamp when the report was drawn
    due: float = 0.0  # when the report may be drawn again, on the monotonic clock
    problem: str = ""


class Reports:
    """The reports of searches. A report is drawn only while somebody asks for it."""

    def __init__(self, *, are_copies: bool = False) -> None:
        """Prepare; `start` begins to draw.

        Args:
            are_copies: whether the folders are this page's own copies, into which results may be brought.
        """
        self._are_copies = are_copies
        self._watched: dict[str, _Watched] = {}
        self._lock = threading.Lock()
        self._wake, self._ended = threading.Event(), threading.Event()
        self._is_warm = False  # whether a report was drawn: the first imports much, so its time does not set the pause
        self._thread = threading.Thread(target=self._run, name="reports", daemon=True)

    def start(self) -> None:
        """Begin to draw, in a thread."""
        self._thread.start()

    def close(self) -> None:
        """End the thread. It is a daemon, so a drawing that takes long holds up nothing."""
        self._ended.set()
        self._wake.set()

    def ask(self, folder: SearchFolder) -> tuple[Drawn | None, str]:
        """Ask for a search's report. It is kept up to date for the next `WATCHED_FOR` seconds.

        Args:
            folder: the search.

        Returns:
            The last drawing, None if there is none yet; and why the latest attempt to draw failed, "" if it did not.
        """
        with self._lock:
            watched = self._watched.setdefault(folder.name, _Watched(folder, 0.0))
            watched.asked = time.monotonic()
        self._wake.set()
        return watched.drawn, watched.problem

    def draw_what_is_due(self) -> None:
        """Draw each report that somebody looks at, if its search has changed and its pause is over."""
        now = time.monotonic()
        with self._lock:
            kept = sorted(self._watched.items(), key=lambda item: -item[1].asked)
            self._watched = {
                name: one for place, (name, one) in enumerate(kept) if place < KEPT or now - one.asked < WATCHED_FOR
            }
            due = [one for one in self._watched.values() if now - one.asked < WATCHED_FOR and now >= one.due]
        for one in due:
            stamp = stamp_of_results(one.folder)
            if stamp != one.shows:
                self._draw(one, stamp)

    def _draw(self, watched: _Watched, stamp: Stamp) -> None:
        began = time.monotonic()
        page, leaderboard, at, problem = b"", None, 0.0, ""
        try:
            page, leaderboard, at = self._page(watched.folder)
        except (InputError, EnvironmentProblem) as error:
            problem = str(error)
        except OSError as error:
            problem = in_one_line(error)
        except Exception as error:  # a damaged folder can make a section raise anything; the last drawing stays
            problem = f"{type(error).__name__}: {error}".splitlines()[0]
        rest = max(AT_MOST_EVERY, REST * (time.monotonic() - began) if self._is_warm else 0.0)
        self._is_warm = True
        watched.problem = shown_uri(problem)
        if not problem:
            watched.drawn = Drawn(page, leaderboard, at, rest)
        watched.shows, watched.due = stamp, time.monotonic() + rest

    def _page(self, folder: SearchFolder) -> tuple[bytes, bytes | None, float]:
        """The page, the leaderboard to which it links, and when they were drawn, in seconds since 1970."""
        if not self._are_copies and (written := written_page(folder)) is not None:
            leaderboard = folder.leaderboard.read_bytes() if folder.leaderboard.exists() else None
            return written, leaderboard, folder.report.stat().st_mtime
        need_journal(folder, "report")
        try:
            from search.reporting.context import read_view
            from search.reporting.html import page
            from search.reporting.leaderboard import as_csv
            from search.reporting.report import sections_of
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "plotly":
                raise
            raise EnvironmentProblem("plotly, which draws the report, is not installed here") from None
        if self._are_copies:
            with suppress(EnvironmentProblem):  # the store does not answer from here: what was copied is drawn
                bring_results(folder)
        view: View = replace(read_view(folder), is_looked_at=True)
        return page(folder.name, sections_of(view)).encode(), as_csv(view).encode(), time.time()

    def _run(self) -> None:
        while not self._ended.is_set():
            self.draw_what_is_due()
            self._wake.wait(1.0)
            self._wake.clear()


def written_page(folder: SearchFolder) -> bytes | None:
    """The page that `afcl report` wrote. None if there is none, a driver runs the search, or the search has changed.

    Of a published result it is the page that was published with it.
    """
    try:
        if folder.is_published():
            return folder.report.read_bytes() if folder.report.exists() else None
        written = folder.report.stat().st_mtime_ns
        sources = [path for one in (folder, *folder.inner()) for path in (one.journal, one.verdict) if path.exists()]
        if folder.driven() is None and all(path.stat().st_mtime_ns <= written for path in sources):
            return folder.report.read_bytes()
    except OSError:
        return None
    return None
