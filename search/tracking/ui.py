"""Serve MLflow's UI for a results folder's store on the loopback address. It opens on the newest search's trials."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path

from search.storage.addresses import for_mlflow, sqlite_path
from search.storage.own_code import code_folder
from search.storage.redact import shown_uri
from search.storage.search_folder import SearchFolder
from search.tracking.client import explained, tracking_uri
from search.tracking.moved_store import follow
from search.tracking.opening import addresses
from search.tracking.troubles import StoreProblem, in_one_line
from trainers.commands import command_line
from trainers.errors import EnvironmentProblem, InputError

HOST = "127.0.0.1"
APP, MODULE = "afcl", "mlflow_app"  # the plugin's name in pyproject.toml, and the name of its module
# environment variables: the server's store, and the id of the search on which our first page opens
STORE, SEARCH = "MLFLOW_BACKEND_STORE_URI", "AFCL_UI_SEARCH"


def serve(
    results: Path,
    port: int,
    say: Callable[[str], None],
    folder: SearchFolder | None = None,
    on_answer: Callable[[str, str | None], None] = lambda uri, address: None,
) -> int:
    """Serve MLflow's UI until Ctrl-C or SIGTERM. If the store is itself a server, only links to its UI are printed.

    Args:
        results: the results folder whose store is shown.
        port: the port on the loopback address.
        say: is called with each line of text, such as the links.
        folder: a search. The UI then shows the store that this search delivers to, and opens on its trials. None shows
            the results folder's store and opens on the newest search.
        on_answer: is called with the addresses of the store and of the UI when the UI answers, and with the store's
            address and None when the UI has ended. It is never called if the store is itself a server.

    Returns:
        The exit code for the command: 0.

    Raises:
        EnvironmentProblem: the port is in use, the store does not answer, or the server failed.
        InputError: there is no run in MLflow's store yet.
    """
    uri = tracking_uri(None if folder is None else folder.spec(), results)
    wanted = None if folder is None else str(folder.about()["id"])
    if uri.startswith(("http://", "https://")):
        for line in _told(uri, shown_uri(uri), folder, has_first_page=False):
            say(line)
        return 0
    database = sqlite_path(uri)
    if database is not None and not database.exists():
        raise InputError(f"no runs in {results} yet; start a search with `{command_line('search', 'demo')}`")
    check_free(port, "--port")
    if (moved := follow(uri)) is not None:
        say(moved)
    say("starting MLflow")
    log = results / "mlflow-ui.log"
    has_first_page = is_registered()
    server = _started(port, log, _environment(uri, wanted), has_first_page=has_first_page)
    asked_to_end = False

    def end(*_: object) -> None:
        nonlocal asked_to_end
        asked_to_end = True
        server.terminate()  # by then `server` may be the second process, see below

    for number in (signal.SIGTERM, signal.SIGHUP):  # SIGHUP comes when the terminal is closed
        signal.signal(number, end)
    try:
        has_answered = _wait_until_it_answers(server, port)
        if has_first_page and not has_answered and not asked_to_end and _is_of_the_page(log):
            has_first_page = False
            server = _started(port, log, _environment(uri, wanted), has_first_page=False)
            has_answered = _wait_until_it_answers(server, port)
        if server.poll() is None:  # if the server has ended, its own message says more than the store's
            for line in _told(uri, f"http://{HOST}:{port}", folder, has_first_page=has_first_page):
                say(line)
            on_answer(uri, f"http://{HOST}:{port}")
            say("Ctrl-C ends it")
        code = server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        on_answer(uri, None)
        server.terminate()
        server.wait()
    if code > 0 or not (has_answered or asked_to_end):  # MLflow's code is 0 if it could not load our page
        problem = explained(RuntimeError(log.read_text(encoding="utf-8", errors="replace")), uri)
        if isinstance(problem, StoreProblem):
            raise _not_shown(uri, problem)
        raise EnvironmentProblem(f"the MLflow server ended with code {code}; {log} says why")
    return 0


def is_registered() -> bool:
    """Whether MLflow finds our first page. It does not if the package was installed before it had this page."""
    return any(one.name == APP for one in entry_points(group="mlflow.app"))


def _is_of_the_page(log: Path) -> bool:
    """Whether the log shows that the server ended because its version of MLflow cannot load our first page."""
    said = log.read_text(encoding="utf-8", errors="replace")
    return any(words in said for words in (MODULE, "--app-name"))


def _started(port: int, log: Path, environment: dict[str, str], *, has_first_page: bool) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port)]
    # by default uvicorn imports from the current folder, in which a user may have a module named "search"
    options = shlex.join(["--log-level", "warning", "--app-dir", str(code_folder())])
    command += ["--workers", "1", "--uvicorn-opts", options]
    command += ["--app-name", APP] if has_first_page else []
    with log.open("w", encoding="utf-8") as output:
        return subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)


def _environment(uri: str, wanted: str | None) -> dict[str, str]:
    return os.environ | {
        STORE: for_mlflow(uri),  # not on the command line, where everybody could read a password in it
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # else MLflow starts workers for language models
        SEARCH: wanted or "",
        "PYTHONSAFEPATH": "1",  # Python must not import modules from the folder where the server is started
    }


def _told(uri: str, address: str, folder: SearchFolder | None, *, has_first_page: bool) -> Iterator[str]:
    """The lines with links, from `addresses`. Raises EnvironmentProblem if the store does not answer."""
    try:
        yield from addresses(uri, address, folder, has_first_page=has_first_page)
    except Exception as error:  # whatever the store raises
        raise _not_shown(uri, error) from None


def _not_shown(uri: str, error: Exception) -> EnvironmentProblem:
    return EnvironmentProblem(f"tracking: MLflow at {shown_uri(uri)} does not show its runs ({in_one_line(error)})")


def check_free(port: int, flag: str) -> None:
    """Raise EnvironmentProblem if a port of the loopback address is in use. `flag` is the option that sets the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise EnvironmentProblem(f"{flag} {port}: {error.strerror}; choose another with {flag}") from None


def _wait_until_it_answers(server: "subprocess.Popen[bytes]", port: int) -> bool:
    """Wait until the server answers, and return True; return False if the server ends first."""
    while server.poll() is None:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False
