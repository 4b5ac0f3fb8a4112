"""The addresses of trials' runs in MLflow's UI: on the server that `afcl ui` started, or on the search's own server."""

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

ASK_EVERY = 30.0  # seconds between two requests to a server about the same search


class MlflowRuns:
    """Makes the addresses from delivered.json, a search's note of the runs that MLflow has.

    A copy of a search may lack this file; only then is the search's MLflow server asked.
    """

    def __init__(self, *, are_copies: bool = False) -> None:
        """Prepare to find addresses.

        Args:
            are_copies: whether the folders are copies, which may lack delivered.json.
        """
        self._are_copies = are_copies
        self._asked: dict[Path, tuple[float, Delivered]] = {}  # by folder: when its server was asked, and what it has
        self._served: tuple[str, str] | None = None  # a store, and the address at which its UI answers now
        self._there: set[str] = set()  # runs that were found in the served store

    @property
    def version(self) -> object:
        """A value that changes whenever `serve` changes the addresses."""
        return self._served

    def serve(self, uri: str, address: str | None) -> None:
        """Note that the UI of the store `uri` now answers at `address`. None: it no longer answers."""
        self._there.clear()
        self._served = None if address is None else (uri, address)

    def of(self, folder: SearchFolder) -> Mapping[int, str]:
        """The addresses of trials' runs, by trial number. Empty if MLflow has none of them, or no UI shows them."""
        try:
            done = read_delivered(folder)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # delivered.json is damaged: no links
            return {}
        if self._are_copies and not done.runs:
            done = self._ask(folder)
        address = self._address_of(done)
        return {} if address is None else {number: links.run(address, run) for number, run in done.runs.items()}

    def _ask(self, folder: SearchFolder) -> Delivered:
        """The runs that the search's MLflow server has. It is asked again after `ASK_EVERY` seconds.

        If the server does not answer, its last answer is returned. If the store is no server, there are no runs.
        """
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
            return re.sub(r"(?<=://)[^/\s]*@", "", done.uri).rstrip("/")  # the link has no password
        return None

    def _was_moved_to(self, uri: str, run: str | None) -> bool:
        """Whether the SQLite database `uri` has the search's run, although the search was delivered to another address.

        That is so if search and database were moved or copied together.
        """
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
