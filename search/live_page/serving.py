"""Serve the page on the loopback address, and beside it MLflow's UI."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import uvicorn

from search.live_page.app import ReadLog, make_app
from search.live_page.copies import Source
from search.live_page.logs import Logs
from search.live_page.mlflow_runs import MlflowRuns
from search.live_page.reports import Reports
from search.live_page.searches import Searches
from search.storage.results_folder import all_folders
from search.storage.search_folder import SearchFolder
from search.tracking import ui
from search.tracking.client import tracking_uri
from trainers.errors import EnvironmentProblem, InputError

HOST = ui.HOST
LAST_PORT = 65535


def page_port_beside(port: int) -> int:
    """The page's port if none is given: the one after MLflow's; the one before it if MLflow has the last port."""
    return port + 1 if port < LAST_PORT else port - 1


def serve(
    results: Path,
    port: int,
    page_port: int | None,
    say: Callable[[str], None],
    folder: SearchFolder | None = None,
    source: Source | None = None,
    opened: str | None = None,
) -> None:
    """Serve the page and MLflow's UI until Ctrl-C or SIGTERM.

    If MLflow cannot be shown, the page is served alone. If there is no source and the results folder has no search,
    MLflow's UI is served alone.

    Args:
        results: the results folder.
        port: MLflow's port on the loopback address.
        page_port: the page's port; None takes the one after MLflow's.
        say: is called with each line of text, such as the links.
        folder: a search. MLflow's UI then shows this search's store and opens on its trials; None shows the results
            folder's store and opens on the newest search.
        source: where the page's searches are brought from; None shows those of the results folder.
        opened: the name of the search that the page opens on; None opens on the list.

    Raises:
        EnvironmentProblem: a port is in use; or there is no search, and MLflow's store does not answer or its server
            fails.
        InputError: there is neither a search nor a run in MLflow's store.
    """
    page_port = page_port_beside(port) if page_port is None else page_port
    uri = tracking_uri(None if folder is None else folder.spec(), results)
    if source is None and not all_folders(results):
        ui.serve(results, port, say, folder)
        return
    ui.check_free(port, "--port")
    root, are_copies = (results, False) if source is None else (source.root, True)
    runs = MlflowRuns(are_copies=are_copies)
    searches, reports = Searches(root, runs, source), Reports(are_copies=are_copies)
    with page_at(page_port, searches, reports, Logs(None if source is None else source.driver_log)):
        say(f"page       {address_of(page_port, opened)}")
        try:
            ui.serve(results, port, say, folder, runs.serve)
        except (EnvironmentProblem, InputError) as problem:
            say(f"{problem}; the page is served without MLflow")
            wait_for_the_end(say)
        else:
            if uri.startswith(("http://", "https://")):  # the store is itself a server: only its links were printed
                wait_for_the_end(say)


def address_of(page_port: int, opened: str | None) -> str:
    """The address of the page of the search `opened`; if that is None, the address of the list."""
    return f"http://{HOST}:{page_port}/" + ("" if opened is None else f"searches/{opened.partition('/')[0]}")


@contextmanager
def page_at(port: int, searches: Searches, reports: Reports, read_log: ReadLog | None = None) -> Iterator[None]:
    """Serve the page within the block, from threads. Raises EnvironmentProblem if the port is in use."""
    ui.check_free(port, "--page-port")
    app = make_app(searches, reports, read_log or Logs())
    config = uvicorn.Config(
        app, host=HOST, port=port, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=partial(_run, server), name="page", daemon=True)
    searches.start()
    reports.start()
    thread.start()
    try:
        while thread.is_alive() and not server.started:
            time.sleep(0.02)
        if not server.started:  # another process took the port in this moment
            raise EnvironmentProblem(f"--page-port {port}: in use; choose another with --page-port")
        yield
    finally:
        server.should_exit = True
        searches.close()
        reports.close()
        thread.join(5)


def _run(server: uvicorn.Server) -> None:
    try:
        server.run()
    except SystemExit:  # uvicorn's way to say that it did not start
        return


def wait_for_the_end(say: Callable[[str], None]) -> None:
    """Wait for Ctrl-C, SIGTERM or SIGHUP."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    say("Ctrl-C ends it")
    try:
        while not ended.wait(0.5):
            pass
    except KeyboardInterrupt:
        return
