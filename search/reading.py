"""The words that look at searches. None of them starts a Ray, and most need the search's folder alone."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from search.display.console import to_console
from search.handle import Search
from search.outcomes import BestTrial, Listed
from search.storage.results_folder import all_folders, folder_named
from search.storage.search_folder import results_root
from trainers.commands import told_in_hints
from trainers.errors import InputError

if TYPE_CHECKING:
    from search.evidence.side_by_side import SideBySide
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
    """Have a search as an object: its trials, its best, its tables, and the words as methods.

    Args:
        name: of the search, or of a confirmation of it, NAME/confirm-1.
        results: the folder for what searches leave; by default AFCL_RESULTS, else ./results.
        data: the folder of data sets and caches that the object's methods use.
        address: of the running Ray cluster that the object's methods use.
        console: where the object's methods show their progress.

    Raises:
        InputError: there is no such search.
    """
    return Search(folder_named(results_root(results), name), data=data, address=address, console=console)


def show(name: str, *, results: Path | None = None) -> Search:
    """Show a search's trials, from its folder alone: a notebook draws what is returned, which `open` returns too.

    Args:
        name: of the search, or of a confirmation of it, NAME/confirm-1.
        results: the folder for what searches leave; by default AFCL_RESULTS, else ./results.

    Raises:
        InputError: there is no such search.
    """
    return open_search(name, results=results)


def list_searches(*, results: Path | None = None) -> list[Listed]:
    """List the searches of a results folder by name. A damaged one is among them, and says what is wrong with it.

    Args:
        results: the folder for what searches leave; by default AFCL_RESULTS, else ./results.
    """
    from search.display import tables

    rows = tables.listing(all_folders(results_root(results)))
    return [Listed(**row | {"best": None if row["best"] is None else BestTrial(**row["best"])}) for row in rows]


def explain(name: str, trial: int, *, results: Path | None = None) -> list[str]:
    """Tell in words what was decided about a trial, and why.

    Args:
        name: of the search.
        trial: the trial's number.
        results: the folder for what searches leave; by default AFCL_RESULTS, else ./results.

    Raises:
        InputError: there is no such search or trial.
    """
    from search.journal import explain as explaining

    folder = folder_named(results_root(results), name)
    validation = folder.about()["provenance"]["data"]["validation"]
    return list(explaining.explain(folder.spec(), folder.history(), trial, validation))


def compare(names: Sequence[str], *, results: Path | None = None) -> "SideBySide":
    """Hold searches on the same data against each other: the best of each, and what fresh seeds say.

    Args:
        names: of two searches or more.
        results: the folder for what searches leave; by default AFCL_RESULTS, else ./results.

    Raises:
        InputError: there is no such search, or they are on other data or by another metric.
    """
    from search.evidence.side_by_side import side_by_side

    root = results_root(results)
    return side_by_side([folder_named(root, name) for name in names])


def logs(name: str, trial: int | None = None, *, address: str | None = None, results: Path | None = None) -> str:
    """Read what a trial printed, and its traceback if it crashed; or what the search itself did.

    Args:
        name: of the search.
        trial: the trial's number; None reads the driver's log.
        address: of a submitted search, its cluster's dashboard, http://HEAD:8265; None reads the folder.
        results: the folder for what searches leave; by default AFCL_RESULTS, else ./results.

    Returns:
        The text; a line that says so where there is no log yet.

    Raises:
        InputError: there is no such search or trial.
        EnvironmentProblem: the cluster or the search's store does not answer.
    """
    if address is not None:
        from search.cluster import submit

        return submit.logs(address, name, trial)
    from search.storage.fetch import bring_log

    folder = folder_named(results_root(results), name)
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
    sensitivity: Mapping[str, float] | None = None,
    results: Path | None = None,
    data: Path | None = None,
) -> "Written":
    """Write a search's page and its table, of a running search too: index.html and leaderboard.csv in its folder.

    Args:
        name: of the search.
        png: also write each figure as a picture, into figures/.
        sensitivity: the wanted one by class, {"melanoma": .9}; the page tells the best trial's threshold for it.
        results: the folder for what searches leave; by default AFCL_RESULTS, else ./results.
        data: the folder of data sets and caches; by default AFCL_DATA, else the platform's cache folder.

    Raises:
        InputError: there is no such search or class, or nothing to choose a threshold on. Nothing was written.
        EnvironmentProblem: plotly is not installed, there is no browser for `png`, or the images for a threshold are
            not here.
    """
    from search.reporting.write import write_report

    return write_report(name, png=png, sensitivity=sensitivity, results=results, data=data)


def ui(
    name: str | None = None, *, port: int = 5000, results: Path | None = None, console: Console | None = None
) -> None:
    """Serve the MLflow UI over the results folder's store, on this machine alone, until it is interrupted.

    Args:
        name: of a search, for the store that it delivers to; None takes the results folder's.
        port: on 127.0.0.1.
        results: the folder for what searches leave; by default AFCL_RESULTS, else ./results.
        console: where the address is said; by default standard output.

    Raises:
        InputError: there is no such search, or nothing to show yet.
        EnvironmentProblem: the port is taken, or the store does not answer.
    """
    from search.tracking import ui as serving

    root = results_root(results)
    folder = None if name is None else folder_named(root, name)
    with _handlers_kept(signal.SIGTERM, signal.SIGHUP):  # which end the server, and later whoever called
        serving.serve(root, port, to_console(console), folder)


@contextmanager
def _handlers_kept(*numbers: signal.Signals) -> Iterator[None]:
    """Put back how this process takes signals."""
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def sync(name: str, *, results: Path | None = None, console: Console | None = None) -> "dict[str, Synced]":
    """Deliver to MLflow what it lacks of a search, and compare every value of both sides.

    Args:
        name: of the search.
        results: the folder for what searches leave; by default AFCL_RESULTS, else ./results.
        console: where remarks on the search's stores are said; by default standard output.

    Returns:
        What came of the search, of its last steps and of its confirmations, by their titles. Where `different` is not
        empty, MLflow and the journal still differ, and the command line ends with exit code 3.

    Raises:
        InputError: there is no such search, or a driver has it, which delivers by itself.
        EnvironmentProblem: MLflow or the search's store cannot be reached.
    """
    from search.tracking import outbox

    folder, tell = folder_named(results_root(results), name), to_console(console)
    return {each.title: outbox.sync(each, tell) for each in (folder, *folder.inner())}
