"""The functions behind the commands that look at searches. None of them starts Ray; most read only the folder."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from search.display.console import to_console
from search.handle import Search
from search.outcomes import BestTrial, Listed
from search.storage.published import need_journal
from search.storage.results_folder import all_folders, folder_named
from search.storage.search_folder import results_root
from trainers.commands import told_in_hints
from trainers.errors import InputError

if TYPE_CHECKING:
    from search.evidence.side_by_side import SideBySide
    from search.reporting.pictures import Kind
    from search.reporting.report import Written
    from search.tracking.outbox import Synced


def open_search(
    name: str,
    *,
    results: Path | None = None,
    data: Path | None = None,
    address: str | None = None,
    console: Console | None = None,
) -> Search:
    """Open a search as an object: its trials, its best trial, its tables, and the commands as methods.

    Args:
        name: the search's name, or NAME/confirm-1 for one of its confirmations.
        results: the results folder, which holds all searches; by default AFCL_RESULTS, else ./results.
        data: the folder of data sets and caches that the object's methods use.
        address: "auto" or HOST:PORT of the running Ray cluster that the object's methods use.
        console: where the object's methods show their progress.

    Raises:
        InputError: there is no such search.
    """
    return Search(folder_named(results_root(results), name), data=data, address=address, console=console)


def show(name: str, *, results: Path | None = None) -> Search:
    """Return the same object as `open`; a notebook draws it as a table of the trials.

    Only the search's folder is read.

    Args:
        name: the search's name, or NAME/confirm-1 for one of its confirmations.
        results: the results folder, which holds all searches; by default AFCL_RESULTS, else ./results.

    Raises:
        InputError: there is no such search.
    """
    return open_search(name, results=results)


def list_searches(*, results: Path | None = None) -> list[Listed]:
    """List the searches of a results folder by name. A damaged search is listed too, with the reason.

    Args:
        results: the results folder, which holds all searches; by default AFCL_RESULTS, else ./results.
    """
    from search.display import tables

    rows = tables.listing(all_folders(results_root(results)))
    return [Listed(**row | {"best": None if row["best"] is None else BestTrial(**row["best"])}) for row in rows]


def explain(name: str, trial: int, *, results: Path | None = None) -> list[str]:
    """Say in words what was decided about a trial, and why.

    Args:
        name: the search's name.
        trial: the trial's number.
        results: the results folder, which holds all searches; by default AFCL_RESULTS, else ./results.

    Raises:
        InputError: there is no such search, or it has no such trial.
    """
    from search.journal import explain as explaining

    folder = folder_named(results_root(results), name)
    need_journal(folder, "explain")
    validation = folder.about()["provenance"]["data"]["validation"]
    return list(explaining.explain(folder.spec(), folder.history(), trial, validation))


def compare(names: Sequence[str], *, results: Path | None = None) -> "SideBySide":
    """Compare searches on the same data: the best trial of each, and the scores on fresh seeds.

    Args:
        names: the names of two or more searches.
        results: the results folder, which holds all searches; by default AFCL_RESULTS, else ./results.

    Raises:
        InputError: there is no such search, or the searches differ in their data or their metric.
    """
    from search.evidence.side_by_side import side_by_side

    root = results_root(results)
    return side_by_side([folder_named(root, name) for name in names])


def logs(name: str, trial: int | None = None, *, address: str | None = None, results: Path | None = None) -> str:
    """Read a trial's log, with the traceback if the trial crashed, or read the driver's log.

    Args:
        name: the search's name.
        trial: the trial's number; None reads the driver's log.
        address: for a submitted search, the dashboard of its cluster, http://HEAD:8265. None reads the folder.
        results: the results folder, which holds all searches; by default AFCL_RESULTS, else ./results.

    Returns:
        The log's text. If there is no log yet, a line that says so.

    Raises:
        InputError: there is no such search, or it has no such trial.
        EnvironmentProblem: the cluster or the search's store does not answer.
    """
    if address is not None:
        from search.cluster import submit

        return submit.logs(address, name, trial)
    from search.storage.fetch import bring_log

    folder = folder_named(results_root(results), name)
    need_journal(folder, "logs")
    if trial is not None:
        if trial not in folder.history().trials:
            raise InputError(f"search {name} has no trial {trial}")
        bring_log(folder, trial)
    log = folder.driver_log if trial is None else folder.trial(trial).log
    if log.exists():
        return log.read_text(encoding="utf-8", errors="replace")
    return f"{f'search {name}' if trial is None else f'trial {trial}'} has no log yet\n"


@told_in_hints
def report(
    name: str,
    *,
    png: bool = False,
    figures: "Kind | None" = None,
    sensitivity: Mapping[str, float] | None = None,
    results: Path | None = None,
    data: Path | None = None,
) -> "Written":
    """Write a search's report page and leaderboard: index.html and leaderboard.csv in its folder.

    The search may still be running.

    Args:
        name: the search's name.
        png: also write each figure as PNG into figures/, besides the file type that `figures` names.
        figures: also write each figure into figures/ as a file of this type: "png" for the screen; "svg" or "pdf" for a
            paper, as wide as a column and with selectable text. None writes no such files.
        sensitivity: for each class, the wanted sensitivity, {"melanoma": .9}: the share of its images that must be
            found. The page shows the threshold on the best trial's probability that reaches this share.
        results: the results folder, which holds all searches; by default AFCL_RESULTS, else ./results.
        data: the folder of data sets and caches; by default AFCL_DATA, else the platform's cache folder.

    Raises:
        InputError: there is no such search or class, or nothing to choose a threshold on. Nothing was written.
        EnvironmentProblem: plotly is not installed, there is no browser for figures, or the images for a threshold are
            not on this machine.
    """
    from search.reporting.write import write_report

    return write_report(name, png=png, figures=figures, sensitivity=sensitivity, results=results, data=data)


def ui(
    name: str | None = None,
    *,
    port: int = 5000,
    page_port: int | None = None,
    address: str | None = None,
    storage: str | None = None,
    results: Path | None = None,
    console: Console | None = None,
) -> None:
    """Serve the live page and the MLflow UI on this machine only, until the process is interrupted.

    The live page shows all searches, with the report and the trials of each. It is redrawn as the searches go on. If
    MLflow cannot be shown, only the page is served. If MLflow's store is itself a server, only the page is served, and
    the server's links are printed.

    Args:
        name: a search's name. The page then opens on it, and the UI shows the store that this search delivers to. None
            shows the store of the results folder.
        port: MLflow's port on 127.0.0.1.
        page_port: the page's port on 127.0.0.1; by default `port` + 1.
        address: the dashboard of a cluster, http://HEAD:8265. The page then shows the searches that were submitted to
            it, in place of the results folder's.
        storage: the address of a store of searches. The page then shows the searches that this store keeps.
        results: the results folder, which holds all searches; by default AFCL_RESULTS, else ./results.
        console: where the addresses are printed; by default standard output.

    Raises:
        InputError: there is no such search, or nothing to show yet; or both an address and a storage are given.
        EnvironmentProblem: a port is in use; the cluster or the store does not answer; or there is no search, and
            MLflow's store does not answer.
    """
    from search.live_page import serving
    from search.live_page.elsewhere import brought

    root = results_root(results)
    with _handlers_kept(signal.SIGTERM, signal.SIGHUP), brought(name, address, storage) as source:
        # in this block SIGTERM and SIGHUP end the servers
        where = root if source is None else source.root
        folder = None if name is None or address is not None else folder_named(where, name)
        serving.serve(root, port, page_port, to_console(console), folder, source, name)


@contextmanager
def _handlers_kept(*numbers: signal.Signals) -> Iterator[None]:
    """Restore this process's handlers of these signals at the end of the block."""
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def sync(name: str, *, results: Path | None = None, console: Console | None = None) -> "dict[str, Synced]":
    """Deliver those events of a search that MLflow lacks, and compare every value in the journal with MLflow's.

    Args:
        name: the search's name.
        results: the results folder, which holds all searches; by default AFCL_RESULTS, else ./results.
        console: where messages about the search's stores go; by default standard output.

    Returns:
        The outcomes for the search, its last steps and its confirmations, by their titles. If `different` of one is not
        empty, MLflow and the journal still differ there, and the command line ends with exit code 3.

    Raises:
        InputError: there is no such search, or it is running and its driver delivers.
        EnvironmentProblem: MLflow or the search's store cannot be reached.
    """
    from search.tracking import outbox

    folder, tell = folder_named(results_root(results), name), to_console(console)
    need_journal(folder, "sync")
    return {each.title: outbox.sync(each, tell) for each in (folder, *folder.inner())}
