"""A search's folder: the files in it, and the lock that lets one driver write to it.

results/NAME/
  search.json          format version, id, provenance (versions, commit, code, scoring code, data, machine)
  spec.yaml            the resolved spec
  journal.jsonl        everything that happened; if another file disagrees with it, the journal is right
  delivered.json       how much of the journal MLflow has
  delivery.lock        locked while a process delivers to MLflow
  driver.lock          locked while a driver runs; driver.json, the lease, tells other hosts
  driver.log           the log of Ray and the driver
  stop                 exists while somebody wants the search to stop
  trials/0007/         log.txt, result.json, checkpoints/, embedding.json, validation-images.jpg; in a confirmation also
                       scores.npz
  optuna.log           the search as an Optuna study, for optuna-dashboard
  ray/                 Ray Tune's own files, which are never read back
  images.jpg           a few images of each class, for the page
  test-split.jsonl     when the test split was opened, and by which command
  final-1/             the last step, which trains the best few configurations on fresh seeds: a folder like this one
  confirm-1/           a confirmation: a folder like this one, with verdict.json and test-images.jpg
  index.html, leaderboard.csv, figures/   written by `report`
  best-1.yaml, .pt, .md, .onnx, tables/   written by `export`
"""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import Timeout

from search.journal.history import History, read_history
from search.journal.log import Journal
from search.journal.tables_read import read_tables
from search.storage.object_store import Storage, storage_at
from search.storage.search_json import read_about
from search.storage.trial_folder import TrialFolder, trial_path
from spaces.spec import SearchSpec, load_spec
from trainers.commands import command_line
from trainers.data.paths import at_home
from trainers.errors import EnvironmentProblem
from trainers.locking import is_locked, lock_at

if TYPE_CHECKING:
    from search.journal.frames import Frames

# The names of files in a search's folder, and in its copy in a store. A trial's files are named in trial_folder.
ABOUT, SPEC, JOURNAL = "search.json", "spec.yaml", "journal.jsonl"
TEST_OPENINGS, VERDICT, TABLES = "test-split.jsonl", "verdict.json", "tables"
DELIVERED, DELIVERY_LOCK = "delivered.json", "delivery.lock"
DRIVER_LOCK, DRIVER_LOG, STOP, RAY = "driver.lock", "driver.log", "stop", "ray"
REPORT, LEADERBOARD, FIGURES, OPTUNA_VIEW = "index.html", "leaderboard.csv", "figures", "optuna.log"
CONTACT_SHEET, JUDGED_TEST = "images.jpg", "test-images.jpg"
FINAL, CONFIRMATION, EXPORTED = "final-", "confirm-", "best-"  # a number from 1 follows
LOCK_PATIENCE = 1.0  # seconds, as a process that only checks the lock also holds it for a moment


def results_root(given: Path | None = None) -> Path:
    """The results folder, which holds the folders of all searches: `given`, else AFCL_RESULTS, else ./results."""
    return at_home(Path(given or os.environ.get("AFCL_RESULTS") or "results")).absolute()


@dataclass(frozen=True)
class SearchFolder:
    """The files of one search, or of a last step or confirmation inside a search's folder."""

    path: Path

    @property
    def name(self) -> str:
        """The name of the search, or of the last step or confirmation, such as confirm-1."""
        return self.path.name

    @property
    def root(self) -> Path:
        """The results folder that the search is in."""
        return self.searched.path.parent

    @property
    def title(self) -> str:
        """The search's name. For a last step or confirmation, that folder's name follows: moles confirm-1."""
        return self.name if self.searched is self else f"{self.searched.name} {self.name}"

    @property
    def searched(self) -> "SearchFolder":
        """The search that this last step or confirmation belongs to; for a search, the search itself."""
        is_inside = (self.path.parent / ABOUT).exists()
        return SearchFolder(self.path.parent) if is_inside else self

    def confirmations(self) -> list["SearchFolder"]:
        """The search's confirmations, in the order in which they were begun."""
        return self._numbered(CONFIRMATION)

    def confirmation(self, name: str) -> "SearchFolder":
        """The folder of the search's confirmation of that name, which need not exist."""
        return SearchFolder(self.path / name)

    def next_confirmation(self) -> "SearchFolder":
        """The folder for the search's next confirmation, which is not begun."""
        return self._next(CONFIRMATION)

    def finals(self) -> list["SearchFolder"]:
        """The search's last steps, in the order in which they were begun. An extended search may have several."""
        return self._numbered(FINAL)

    def next_final(self) -> "SearchFolder":
        """The folder for the search's next last step, which is not begun."""
        return self._next(FINAL)

    def inner(self) -> list["SearchFolder"]:
        """The folders of the search's last steps and confirmations, which are inside the search's folder."""
        return [*self.finals(), *self.confirmations()]

    def is_begun(self) -> bool:
        """Whether the search, last step or confirmation was begun: its folder exists and is complete."""
        return (self.path / ABOUT).exists()

    def is_published(self) -> bool:
        """Whether this is a published result: its table or its verdict is here, but its journal is not."""
        return not self.journal.exists() and (self.leaderboard.exists() or self.verdict.exists())

    def driven(self) -> "SearchFolder | None":
        """The search, or its last step or confirmation, that a driver runs now; None if no driver does."""
        return next((one for one in (self, *self.inner()) if one.holder() is not None), None)

    def _numbered(self, prefix: str) -> list["SearchFolder"]:
        found = [about.parent for about in self.path.glob(f"{prefix}*/{ABOUT}")]
        return sorted(map(SearchFolder, found), key=_number)

    def _next(self, prefix: str) -> "SearchFolder":
        begun = self._numbered(prefix)
        return SearchFolder(self.path / f"{prefix}{(_number(begun[-1]) if begun else 0) + 1}")

    @property
    def test_openings(self) -> Path:
        """The file that records when the test split was opened, an opening on each line."""
        return self.path / TEST_OPENINGS

    @property
    def tables(self) -> Path:
        """The folder for the tables that `afcl export --tables` writes."""
        return self.path / TABLES

    @property
    def verdict(self) -> Path:
        """The file with the numbers of a confirmation's verdict."""
        return self.path / VERDICT

    @property
    def journal(self) -> Path:
        """The journal's file: everything that happened, an event on each line."""
        return self.path / JOURNAL

    @property
    def delivered(self) -> Path:
        """The file that records how much of the journal MLflow has."""
        return self.path / DELIVERED

    @property
    def delivery_lock(self) -> Path:
        """The lock file that a process holds while it delivers to MLflow."""
        return self.path / DELIVERY_LOCK

    @property
    def driver_log(self) -> Path:
        """The file with the log of Ray and the driver."""
        return self.path / DRIVER_LOG

    @property
    def optuna_view(self) -> Path:
        """The file with the search as an Optuna study, for optuna-dashboard."""
        return self.path / OPTUNA_VIEW

    @property
    def report(self) -> Path:
        """The file of the page that `afcl report` writes."""
        return self.path / REPORT

    @property
    def contact_sheet(self) -> Path:
        """The picture with a few images of each class, for the page."""
        return self.path / CONTACT_SHEET

    @property
    def judged_test(self) -> Path:
        """The picture that `afcl confirm` draws: test images, each with the class that one run predicted.

        The JSON file beside the picture has the caption and counts.
        """
        return self.path / JUDGED_TEST

    @property
    def leaderboard(self) -> Path:
        """The CSV file with a row for every trial, beside the page."""
        return self.path / LEADERBOARD

    @property
    def figures(self) -> Path:
        """The folder for the page's figures as files, which `afcl report` writes on request."""
        return self.path / FIGURES

    @property
    def ray(self) -> Path:
        """The folder for Ray Tune's own files, which are never read back."""
        return self.path / RAY

    @property
    def storage(self) -> Storage | None:
        """Where the store keeps this search, last step or confirmation; None if the search has no store."""
        if (uri := self.searched.spec().storage.uri) is None:
            return None
        place = storage_at(uri) / self.searched.name
        return place if self.searched is self else place / self.name

    def trial(self, number: int) -> TrialFolder:
        """The files of trial `number`."""
        return TrialFolder(self.path / trial_path(number))

    def exported(self, rank: int) -> tuple[Path, Path]:
        """The files with the configuration and the weights of the exported trial at `rank`, counted from 1."""
        return self.path / f"{EXPORTED}{rank}.yaml", self.path / f"{EXPORTED}{rank}.pt"

    def model_card(self, rank: int) -> Path:
        """The file with the model card of the exported model at `rank`."""
        return self.path / f"{EXPORTED}{rank}.md"

    def onnx_model(self, rank: int) -> Path:
        """The file with the exported model at `rank` as ONNX, for runtimes other than torch."""
        return self.path / f"{EXPORTED}{rank}.onnx"

    def all_exported(self) -> list[Path]:
        """Every file of earlier exports, except the tables."""
        ends = ("yaml", "pt", "md", "onnx")
        return [path for end in ends for path in sorted(self.path.glob(f"{EXPORTED}[0-9]*.{end}"))]

    def spec(self) -> SearchSpec:
        """The search's spec, with all defaults filled in."""
        return load_spec(str(self.path / SPEC), kept=True)

    def about(self) -> dict[str, Any]:
        """The content of search.json: format version, id, provenance."""
        return read_about(self.path / ABOUT)

    def history(self) -> History:
        """The search's history so far, from its journal. If no driver runs, no trial counts as running.

        A published result has no journal: its tables tell what they have.
        """
        if self.is_published():
            return read_tables(self.leaderboard, self.tables)
        is_driven = self.holder() is not None  # asked before the journal is read: a driver may begin in between
        history = read_history(self.journal)
        if not is_driven:
            history.nothing_runs()
        return history

    def frames(self) -> "Frames":
        """The search's history so far as tidy pandas tables: trials, epochs, decisions, classes, confusions."""
        from search.journal.frames import frames  # imported only here: pandas takes half a second

        history = self.history()
        left = ((trial.number, self.trial(trial.number).read_result()) for trial in history.in_state("finished"))
        return frames(history, {number: result for number, result in left if result is not None})

    def open_journal(self) -> Journal:
        """Open the journal for writing. Only the holder of `lock` may do so."""
        return Journal(self.journal)

    def ask_to_stop(self) -> None:
        """Ask a running driver, on this or another host, to stop tidily."""
        (self.path / STOP).touch()

    def is_asked_to_stop(self) -> bool:
        """Whether somebody wants the search to stop."""
        return (self.path / STOP).exists()

    def _forget_stop(self) -> None:
        (self.path / STOP).unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the search for one driver within the block.

        Raises:
            EnvironmentProblem: another driver holds the search. The message names it.
        """
        lock = lock_at(self.path / DRIVER_LOCK, _write_holder)
        try:
            held = lock.acquire(timeout=LOCK_PATIENCE)
        except Timeout:
            raise EnvironmentProblem(
                f"search {self.title} is run by {self.holder()}; to end it: {self.hint('stop')}"
            ) from None
        with held:
            self._forget_stop()  # a request to stop from before this session does not count
            yield

    def holder(self) -> str | None:
        """The driver that runs the search now, in words: its pid, its host and since when; None if no driver does."""
        if not is_locked(self.path / DRIVER_LOCK):
            return None
        held = json.loads((self.path / DRIVER_LOCK).read_text(encoding="utf-8") or "{}")
        minutes = (time.time() - held.get("since", time.time())) / 60
        return f"process {held.get('pid', '?')} on {held.get('host', '?')} (for {minutes:.0f} min)"

    def hint(self, verb: str, *, named: bool = True, **flags: object) -> str:
        """The command line to type in the current folder for this search.

        Args:
            verb: the command.
            named: whether the command names this search. Otherwise the command is about the whole results folder.
            flags: the command's other flags.
        """
        if verb == "resume" and self.name.startswith(CONFIRMATION) and self.searched is not self:
            verb = "confirm"  # `afcl confirm` goes on with a confirmation that was begun
        return self.command(verb, *([self.searched.name] if named else []), **flags)

    def command(self, *words: object, **flags: object) -> str:
        """The command line to type in the current folder; with `--results` unless the results folder is the default."""
        where = None if results_root() == self.root else self.root
        return command_line(*words, **flags, results=where) if where else command_line(*words, **flags)

    def export_hint(self, finished: int) -> str:
        """The command line that exports the best three trials, or all `finished` trials if they are fewer."""
        return self.hint("export", top=min(3, max(1, finished)))


def _write_holder(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)  # remove the earlier holder
    os.write(descriptor, json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "since": time.time()}).encode())


def _number(folder: SearchFolder) -> int:
    return int(folder.name.rpartition("-")[2])
