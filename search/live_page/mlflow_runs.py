"""Where trials' runs are in MLflow's UI: at the server that `afcl ui` started, or at the search's own server."""

import re
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

from search.storage.addresses import sqlite_path
from search.storage.redact import shown_uri
from search.storage.search_folder import SearchFolder
from search.tracking import links
from search.tracking.client import connect, tracking_uri
from search.tracking.delivered import Delivered, read_delivered
from search.tracking.shown_searches import runs_of_trials

ASK_EVERY = 30.0  # seconds between two questions to a server about a search


class MlflowRuns:
    """Makes addresses of runs from what was delivered. A server is asked only about copies, which lack that note."""

    def __init__(self, *, are_copies: bool = False) -> None:
        """Prepare.

        Args:
            are_copies: the folders are copies, which may lack the note of what was delivered.
        """
        self._are_copies = are_copies
        self._asked: dict[Path, tuple[float, Delivered]] = {}  # what servers have, and when they were asked
        self._served: tuple[str, str] | None = None  # a store, and the address at which its UI answers now
        self._there: set[str] = set()  # runs that were found in the served store

    @property
    def version(self) -> object:
        """Changes whenever addresses do."""
        return self._served

    def serve(self, uri: str, address: str | None) -> None:
        """From now on a store's UI answers at an address; None: no longer."""
        self._there.clear()
        self._served = None if address is None else (uri, address)

    def of(self, folder: SearchFolder) -> Mapping[int, str]:
        """The addresses of trials' runs, by trial. Empty where MLflow has nothing, or no server shows it."""
        try:
            done = read_delivered(folder)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # delivered.json is damaged: a view, no more
            return {}
        if self._are_copies and not done.runs:
            done = self._ask(folder)
        address = self._address_of(done)
        return {} if address is None else {number: links.run(address, run) for number, run in done.runs.items()}

    def _ask(self, folder: SearchFolder) -> Delivered:
        """What the search's MLflow server has of it; nothing if its store is no server, or does not answer."""
        at, found = self._asked.get(folder.path, (0.0, Delivered("")))
        uri = tracking_uri(folder.spec(), folder.root)
        if uri.startswith(("http://", "https://")) and time.monotonic() - at > ASK_EVERY:
            with suppress(Exception):  # whatever MLflow raises if the store does not answer: the page is without links
                found = Delivered(uri, runs=runs_of_trials(connect(uri), str(folder.about()["id"])))
            self._asked[folder.path] = time.monotonic(), found
        return found

    def _address_of(self, done: Delivered) -> str | None:
        if self._served is not None:
            uri, address = self._served
            if done.uri == shown_uri(uri) or self._was_moved_to(uri, done.parent):
                return address
        if done.uri.startswith(("http://", "https://")):
            return re.sub(r"(?<=://)[^/\s]*@", "", done.uri).rstrip("/")  # whoever opens it logs in there
        return None

    def _was_moved_to(self, uri: str, run: str | None) -> bool:
        """Whether a database has the run although the search knows another address: both were moved or copied."""
        database = sqlite_path(uri)
        if run is None or database is None:
            return False
        if run not in self._there:
            try:
                with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
                    if connection.execute("select 1 from runs where run_uuid = ?", (run,)).fetchone() is None:
                        return False
            except sqlite3.Error:
                return False
            self._there.add(run)
        return True
