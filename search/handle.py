"""A search as an object: its trials and state so far, and the commands as methods."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import search
from search.engine.status import counts_line, search_state
from search.evidence.headline import last_headline
from search.evidence.ranking import Basis, ranking
from search.journal.history import History, Trial
from search.storage.search_folder import SearchFolder
from spaces.spec import SearchSpec

if TYPE_CHECKING:
    from rich.console import Console

    from search.engine.confirmation import Confirmed
    from search.engine.runner import SessionEnd
    from search.evidence.evidence import Evidence
    from search.journal.frames import Format, Frames
    from search.outcomes import Confirmation
    from search.reporting.pictures import Kind
    from search.reporting.report import Written
    from search.tracking.outbox import Synced


class Search:
    """A search in a results folder, finished or not.

    Each property reads the folder again, so you can watch a search that runs in another process. Each method calls the
    function of that name in `search`, with the same arguments and the same errors. A notebook shows the object as a
    table.

    Attributes:
        folder: the search's files.
    """

    def __init__(
        self,
        folder: SearchFolder,
        *,
        data: Path | None = None,
        address: str | None = None,
        console: "Console | None" = None,
    ) -> None:
        """Make the object. Most callers use `search.open` instead.

        Args:
            folder: the search's files.
            data: the folder of data sets and caches that the methods use.
            address: "auto" or HOST:PORT of the running Ray cluster that the methods use.
            console: where the methods show their progress.
        """
        self.folder = folder
        self._data, self._address, self._console = data, address, console

    @property
    def name(self) -> str:
        """The search's name. A confirmation is called NAME/confirm-1."""
        return self.folder.name if self.folder.searched is self.folder else self.folder.title.replace(" ", "/")

    @property
    def spec(self) -> SearchSpec:
        """The search's spec, with all defaults filled in."""
        return self.folder.spec()

    @property
    def history(self) -> History:
        """The search's history so far, from its journal."""
        return self.folder.history()

    @property
    def state(self) -> str:
        """The state: running, done, interrupted, stopped, max_hours, published, or a sentence on why it gave up.

        A published search lacks its journal: its trials are those of its leaderboard.
        """
        return search_state(self.folder, self.history)

    @property
    def trials(self) -> list[Trial]:
        """All trials, in the order of their numbers."""
        return list(self.history.trials.values())

    @property
    def ranked(self) -> list[Trial]:
        """The finished trials, best first.

        Trials with a mean on fresh seeds come first, by that mean; the rest follow in the search's own order.
        """
        return ranking(self.folder, self.history).trials

    @property
    def best(self) -> Trial | None:
        """The first of `ranked`; None if no trial has finished."""
        return next(iter(self.ranked), None)

    @property
    def verdict(self) -> str | None:
        """What the last confirmation said of the losses, in a sentence; None without one. `confirm` has it all."""
        return last_headline(self.folder.searched)

    def frames(self) -> "Frames":
        """Tidy pandas tables: trials, epochs, decisions, classes, confusions."""
        return self.folder.frames()

    def resume(self, *, anyway: bool = False) -> "SearchResult":
        """Go on with the search; see `search.resume`."""
        return search.resume(
            self.name,
            anyway=anyway,
            results=self.folder.root,
            data=self._data,
            address=self._address,
            console=self._console,
        )

    def extend(self, trials: int, *, anyway: bool = False) -> "SearchResult":
        """Add trials and go on; see `search.extend`."""
        return search.extend(
            self.name,
            trials,
            anyway=anyway,
            results=self.folder.root,
            data=self._data,
            address=self._address,
            console=self._console,
        )

    def stop(self) -> str:
        """Ask the driver that runs the search to stop; see `search.stop`."""
        return search.stop(self.name, results=self.folder.root)

    def confirm(
        self,
        *,
        top: int | None = None,
        seeds: int | None = None,
        smallest: float | None = None,
        until_decided: bool = False,
        max_seeds: int | None = None,
        ablation: bool = False,
        again: bool = False,
        anyway: bool = False,
        allow_copies: bool = False,
        on_verdict: "Callable[[Confirmed, Evidence], None]" = lambda confirmed, evidence: None,
    ) -> "Confirmation":
        """Confirm the best trials on fresh seeds and the test split; see `search.confirm`."""
        return search.confirm(
            self.name,
            top=top,
            seeds=seeds,
            smallest=smallest,
            until_decided=until_decided,
            max_seeds=max_seeds,
            ablation=ablation,
            again=again,
            anyway=anyway,
            allow_copies=allow_copies,
            results=self.folder.root,
            data=self._data,
            address=self._address,
            console=self._console,
            on_verdict=on_verdict,
        )

    def explain(self, trial: int) -> list[str]:
        """What was decided about a trial, and why; see `search.explain`."""
        return search.explain(self.name, trial, results=self.folder.root)

    def logs(self, trial: int | None = None) -> str:
        """A trial's log, or the driver's; see `search.logs`."""
        return search.logs(self.name, trial, results=self.folder.root)

    def report(
        self, *, png: bool = False, figures: "Kind | None" = None, sensitivity: Mapping[str, float] | None = None
    ) -> "Written":
        """Write the search's page; see `search.report`."""
        return search.report(
            self.name,
            png=png,
            figures=figures,
            sensitivity=sensitivity,
            results=self.folder.root,
            data=self._data,
        )

    def export(
        self,
        *,
        top: int = 1,
        by: Basis | None = None,
        sensitivity: Mapping[str, float] | None = None,
        onnx: bool = False,
        tables: "Format | None" = None,
    ) -> list[Path]:
        """Write the best configurations with their weights, or the tables; see `search.export`."""
        return search.export(
            self.name,
            top=top,
            by=by,
            sensitivity=sensitivity,
            onnx=onnx,
            tables=tables,
            results=self.folder.root,
            data=self._data,
            console=self._console,
        )

    def sync(self) -> "dict[str, Synced]":
        """Deliver to MLflow the events that it lacks; see `search.sync`."""
        return search.sync(self.name, results=self.folder.root, console=self._console)

    def rm(self, *, ask: Callable[[str], bool] = lambda question: True) -> Path | None:
        """Remove the search; see `search.rm`."""
        return search.rm(self.name, ask=ask, results=self.folder.root, console=self._console)

    def __repr__(self) -> str:
        stands = "removed"
        if self.folder.is_begun():
            stands = f"{self.state}, {counts_line(self.folder, self.history)}"
        return f"<{type(self).__name__} {self.name}: {stands}>"

    def _repr_html_(self) -> str | None:
        """The HTML that a notebook shows."""
        from search.display.card import card

        return card(self.folder) if self.folder.is_begun() else None


class SearchResult(Search):
    """A search, and how its latest session ended.

    Attributes:
        session: how the session ended.
    """

    def __init__(
        self,
        session: "SessionEnd",
        *,
        data: Path | None = None,
        address: str | None = None,
        console: "Console | None" = None,
    ) -> None:
        """Make the object from the end of a session.

        Args:
            session: how the session ended.
            data: see `Search`.
            address: see `Search`.
            console: see `Search`.
        """
        super().__init__(session.folder, data=data, address=address, console=console)
        self.session = session

    @property
    def reason(self) -> str:
        """Why the session ended: done, interrupted, max_hours, stopped, or why the search gave up."""
        return self.session.reason

    @property
    def ran(self) -> bool:
        """Whether anything ran; False if the search was complete before."""
        return self.session.ran

    @property
    def undelivered(self) -> int:
        """How many of the journal's events MLflow lacks; `sync` delivers them."""
        return self.session.undelivered

    @property
    def tracking_problem(self) -> str | None:
        """Why nothing could be delivered to MLflow at the session's end; None if delivery worked, or if nothing ran."""
        return self.session.tracking_problem

    @property
    def parent_run(self) -> tuple[str, str] | None:
        """MLflow's ids of the experiment and of the search's run; None if MLflow has no such run, or if nothing ran."""
        return self.session.parent_run

    @property
    def different(self) -> list[str] | None:
        """How MLflow and the journal differ, in words; None if they were not compared."""
        return self.session.different

    @property
    def refused(self) -> bool:
        """Whether MLflow refused something. The user was told what."""
        return self.session.refused
