"""Copies of the searches of a store (`--storage`), made as `resume` makes its copy, and kept up to date."""

import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from time import monotonic

from search.live_page.copies import REST, Held, write_journal
from search.live_page.standing import Standing, not_shown
from search.storage.fetch import bring, bring_inner
from search.storage.journal_segments import joined, segments
from search.storage.lease import FILE, STALE_AFTER, Holder, holder_of
from search.storage.object_store import Storage, at_once, storage_at
from search.storage.redact import shown_uri
from search.storage.search_folder import ABOUT, SearchFolder
from spaces.spec import NAME
from spaces.storage_uri import check_uri
from trainers.errors import EnvironmentProblem, InputError

EVERY = 5.0  # seconds between two looks at a store; more if it answers slowly


class StoredSearches:
    """Copies of a store's searches. It is a `search.live_page.copies.Source`."""

    def __init__(self, uri: str, root: Path, only: str | None = None) -> None:
        """Prepare; nothing is copied yet.

        Args:
            uri: the store's address.
            root: a folder of our own for the copies.
            only: the name of the one search to show; None shows all.

        Raises:
            InputError: `uri` is no address of a store, or it has a password in it.
        """
        check_uri(uri)
        self.root, self._uri, self._only = root, uri, only
        self._due = 0.0
        self._problem: str | None = None
        self._pieces: dict[str, bytes] = {}  # pieces of journals, by their address; a piece never changes
        self._beats: dict[str, tuple[Holder | None, float]] = {}  # by address: a lease, and when the lease last changed
        self._files: dict[str, frozenset[str]] = {}  # the files of each search, at the last look
        self._damaged: dict[str, Standing] = {}
        self._held = Held()

    def want(self, name: str) -> None:
        """Do nothing: all searches are kept up to date."""

    def note(self, name: str) -> str:
        """Return "": a copy is only seconds old, so there is nothing to say."""
        return ""

    def driver_log(self, name: str) -> str | None:
        """Return None: a store does not have the driver's log."""
        return None

    def others(self) -> list[Standing]:
        """Searches that cannot be copied, with the reason."""
        return [self._damaged[name] for name in sorted(self._damaged)]

    def bring(self) -> str | None:
        """Bring all copies up to date, if it is time. Returns why the store does not answer; None if it does."""
        if monotonic() < self._due:
            return self._problem
        began = monotonic()
        try:
            self._bring()
            self._problem = None
        except (EnvironmentProblem, OSError) as problem:
            self._problem = shown_uri(f"{problem}; what is shown is from before")
        self._due = monotonic() + max(EVERY, REST * (monotonic() - began))
        return self._problem

    def _bring(self) -> None:
        store = storage_at(self._uri)
        found = at_once(partial(store.names, self._only or ""), store)
        names: dict[str, list[str]] = {}
        for file in found:
            search, _, inside = file.partition("/")
            if inside and NAME.fullmatch(search):
                names.setdefault(search, []).append(inside)
        there = {name: files for name, files in names.items() if ABOUT in files}
        for name, files in there.items():
            try:
                self._bring_one(store / name, name, files)
            except InputError as error:
                self._damaged[name] = not_shown(name, str(error))
            else:
                self._damaged.pop(name, None)
        for gone in self._files.keys() - there.keys():
            self._held.release_below(self.root / gone)
            shutil.rmtree(self.root / gone, ignore_errors=True)
            self._damaged.pop(gone, None)
        self._files = {name: frozenset(files) for name, files in there.items()}

    def _bring_one(self, storage: Storage, name: str, files: list[str]) -> None:
        if not (self.root / name).exists():
            bring(self.root, name, self._uri)
        folder = SearchFolder(self.root / name)
        inner = {about.removesuffix(f"/{ABOUT}") for about in files if about.endswith(f"/{ABOUT}")}
        if any(not (folder.path / one).exists() for one in inner):
            bring_inner(folder)
        for one, inside in ((folder, ""), *((SearchFolder(folder.path / each), f"{each}/") for each in sorted(inner))):
            place = storage / inside.rstrip("/") if inside else storage
            pieces = (file.removeprefix(inside) for file in files if file.startswith(inside))
            write_journal(one.journal, self._journal(place, pieces))
            is_new = frozenset(files) != self._files.get(name)
            self._held.set(one, self._holder(place, has_lease=f"{inside}{FILE}" in files, is_new=is_new))

    def _journal(self, place: Storage, names: Iterable[str]) -> bytes:
        def get(name: str) -> bytes | None:
            key = f"{place.uri}/{name}"
            if key not in self._pieces:
                content = at_once(partial(place.find, name), place)
                if content is None:
                    return None
                self._pieces[key] = content
            return self._pieces[key]

        return joined(segments(names), get)

    def _holder(self, place: Storage, *, has_lease: bool, is_new: bool) -> dict[str, object] | None:
        """Who drives the search, from its lease; None if nobody does, or the lease was not renewed for too long.

        Args:
            place: the folder of the search, last step or confirmation in the store.
            has_lease: whether a lease is among the files in this folder.
            is_new: whether the search has other files than at the last look.
        """
        before, since = self._beats.get(place.uri, (None, 0.0))
        if not has_lease or (before is not None and before.released and not is_new):
            return None
        now = at_once(partial(holder_of, place), place)
        if now != before:
            before, since = now, monotonic()
            self._beats[place.uri] = now, since
        if before is None or before.released or monotonic() - since > STALE_AFTER + EVERY:
            return None
        return {"host": before.host, "pid": before.pid}
