"""The MLflow UI over a results folder's store, on the loopback address, open on the newest search's trials."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path

from search.storage.addresses import for_mlflow, sqlite_path
from search.storage.redact import shown_uri
from search.storage.search_folder import SearchFolder
from search.tracking.client import explained, tracking_uri
from search.tracking.moved_store import follow
from search.tracking.opening import addresses
from search.tracking.troubles import StoreProblem, in_one_line
from trainers.commands import command_line
from trainers.errors import EnvironmentProblem, InputError

HOST = "127.0.0.1"
APP, MODULE = "afcl", "mlflow_app"  # the plugin's name, as pyproject.toml has it, and its module's
# variables by which the server is told of the store, and our page of a search that was asked for
STORE, SEARCH = "MLFLOW_BACKEND_STORE_URI", "AFCL_UI_SEARCH"


def serve(results: Path, port: int, say: Callable[[str], None], folder: SearchFolder | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM; the server's exit code. A store that is itself a server is only named.

    Args:
        results: the folder whose store it is.
        port: on the loopback address.
        say: is told where to look.
        folder: a search, for the store that it delivers to, and to open on its trials; None: on the newest search's.

    Raises:
        EnvironmentProblem: the port is taken, or the store does not answer.
        InputError: there is nothing to show yet.
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
    _check_free(port)
    if (moved := follow(uri)) is not None:
        say(moved)
    say("starting MLflow")
    log = results / "mlflow-ui.log"
    has_first_page = is_registered()
    server = _started(port, log, _environment(uri, wanted), has_first_page=has_first_page)

    def end(*_: object) -> None:
        server.terminate()  # whichever it is by then

    for number in (signal.SIGTERM, signal.SIGHUP):  # the latter when the terminal is closed
        signal.signal(number, end)
    try:
        _wait_until_it_answers(server, port)
        if has_first_page and (server.poll() or 0) > 0 and _is_of_the_page(log):
            has_first_page = False
            server = _started(port, log, _environment(uri, wanted), has_first_page=False)
            _wait_until_it_answers(server, port)
        if server.poll() is None:  # else its own words say more than what the store says to us
            for line in _told(uri, f"http://{HOST}:{port}", folder, has_first_page=has_first_page):
                say(line)
            say("Ctrl-C ends it")
        code = server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        server.terminate()
        server.wait()
    if code > 0:
        problem = explained(RuntimeError(log.read_text(encoding="utf-8", errors="replace")), uri)
        if isinstance(problem, StoreProblem):
            raise _not_shown(uri, problem)
        raise EnvironmentProblem(f"the MLflow server ended with code {code}; {log} says why")
    return 0


def is_registered() -> bool:
    """Whether MLflow finds our page: the package was installed since it has one."""
    return any(one.name == APP for one in entry_points(group="mlflow.app"))


def _is_of_the_page(log: Path) -> bool:
    """Whether a server that ended at once did not take our page: another version of MLflow, which it does not fit."""
    said = log.read_text(encoding="utf-8", errors="replace")
    return any(words in said for words in (MODULE, "--app-name"))


def _started(port: int, log: Path, environment: dict[str, str], *, has_first_page: bool) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port)]
    command += ["--workers", "1", "--uvicorn-opts", "--log-level warning"]
    command += ["--app-name", APP] if has_first_page else []
    with log.open("w", encoding="utf-8") as output:
        return subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)


def _environment(uri: str, wanted: str | None) -> dict[str, str]:
    return os.environ | {
        STORE: for_mlflow(uri),  # on the command line everybody could read a password in it
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # workers that its side for language models would start
        SEARCH: wanted or "",
        "PYTHONSAFEPATH": "1",  # nothing in the folder where it is started is taken for a module, or for our package
    }


def _told(uri: str, address: str, folder: SearchFolder | None, *, has_first_page: bool) -> Iterator[str]:
    """Where to look, a line each.

    Raises EnvironmentProblem when the store does not answer.
    """
    try:
        yield from addresses(uri, address, folder, has_first_page=has_first_page)
    except Exception as error:  # whatever the store raises
        raise _not_shown(uri, error) from None


def _not_shown(uri: str, error: Exception) -> EnvironmentProblem:
    return EnvironmentProblem(f"tracking: MLflow at {shown_uri(uri)} does not show its runs ({in_one_line(error)})")


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise EnvironmentProblem(f"--port {port}: {error.strerror}; choose another with --port") from None


def _wait_until_it_answers(server: "subprocess.Popen[bytes]", port: int) -> None:
    while server.poll() is None:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
