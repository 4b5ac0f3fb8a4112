"""The searches that the page shows. A thread keeps up with them, so that no request waits for a journal."""

import threading
import time
from dataclasses import replace
from pathlib import Path

from search.live_page.copies import Source
from search.live_page.following import Followed, Stamp, path_of, stamp_of
from search.live_page.mlflow_runs import MlflowRuns
from search.live_page.standing import Standing, not_shown, standing_of
from search.storage.redact import shown_uri
from search.storage.results_folder import all_folders
from search.storage.search_folder import SearchFolder
from trainers.errors import InputError
from trainers.os_errors import in_one_line

EVERY = 1.0  # seconds between two looks at the folders
REST = 10.0  # the pause until the next look at a search, as a multiple of the time that the last look took


class Searches:
    """The searches of a results folder, each as it stood at the last look."""

    def __init__(self, root: Path, runs: MlflowRuns, source: Source | None = None) -> None:
        """Prepare; `start` begins to look.

        Args:
            root: the results folder.
            runs: the addresses of trials' runs in MLflow.
            source: copies searches into the folder; None if the folder has the searches themselves.
        """
        self.root = root
        self.problem: str | None = None  # why the folder, or where its searches come from, cannot be read
        self._runs, self._source = runs, source
        self._names: tuple[str, ...] = ()
        self._shown: dict[str, Standing] = {}
        self._followed: dict[str, Followed] = {}  # by path: NAME, NAME/final-1
        self._seen: dict[str, tuple[Stamp, float]] = {}  # a search's stamp, and when it may be looked at again
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="searches", daemon=True)

    def start(self) -> None:
        """Begin to look, in a thread."""
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join(10)

    def all(self) -> list[Standing]:
        """Every search, sorted by name. The state of a search that has not been read yet is "being read"."""
        found = {name: self._shown.get(name) or Standing(name, "being read") for name in self._names}
        for one in [] if self._source is None else self._source.others():
            found.setdefault(one.name, one)
        return [found[name] for name in sorted(found)]

    def named(self, name: str) -> Standing | None:
        """One search; None if there is none of that name. The source of copies learns that somebody looks at it."""
        if self._source is not None:
            self._source.want(name)
        found = next((one for one in self.all() if one.name == name), None)
        if found is None or self._source is None or name not in self._shown:
            return found
        return replace(found, note=self._source.note(name))

    def followed(self, path: str) -> Followed | None:
        """What was read of a search, last step or confirmation; None if nothing was, or the search is damaged.

        `path` is its name as in `path_of`: NAME, or for example NAME/final-1.
        """
        return self._followed.get(path)

    def look(self) -> None:
        """Bring copies up to date if there is a source, and read each search that has changed."""
        try:
            problem = None if self._source is None else self._source.bring()
            folders = all_folders(self.root)
        except OSError as error:
            self.problem = shown_uri(in_one_line(error))
            return
        self._names = tuple(folder.name for folder in folders)
        self.problem = problem
        for folder in folders:
            stamp = (stamp_of(folder), self._runs.version)
            before, due = self._seen.get(folder.name, (None, 0.0))
            if stamp != before and time.monotonic() >= due:
                began = time.monotonic()
                self._shown[folder.name] = self._look_at(folder)
                self._seen[folder.name] = stamp, time.monotonic() + REST * (time.monotonic() - began)
        for name in self._shown.keys() - set(self._names):
            self._forget(name)

    def _look_at(self, folder: SearchFolder) -> Standing:
        try:
            each = [self._caught_up(one) for one in (folder, *folder.inner())]
            with each[0].lock:
                paths = [path_of(one.folder) for one in each]
                runs = {path: self._runs.of(one.folder) for path, one in zip(paths, each, strict=True)}
                return standing_of(each[0], each[1:], runs)
        except InputError as error:
            self._forget(folder.name)
            return not_shown(folder.name, str(error))
        except OSError as error:
            self._forget(folder.name)
            return not_shown(folder.name, in_one_line(error))
        except Exception as error:  # a damaged folder can make our code raise anything; show the other searches
            self._forget(folder.name)
            return not_shown(folder.name, f"{type(error).__name__}: {error}")

    def _caught_up(self, folder: SearchFolder) -> Followed:
        followed = self._followed.setdefault(path_of(folder), Followed(folder))
        followed.catch_up()
        return followed

    def _forget(self, name: str) -> None:
        self._shown.pop(name, None)
        for path in [path for path in self._followed if path.partition("/")[0] == name]:
            del self._followed[path]

    def _run(self) -> None:
        while not self._ended.is_set():
            self.look()
            self._ended.wait(EVERY)
