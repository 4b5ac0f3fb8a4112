"""The MLflow UI over a results folder's store, on the loopback address."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from search.storage.addresses import for_mlflow, sqlite_path
from search.storage.redact import shown_uri
from search.tracking.client import experiments, explained, tracking_uri
from search.tracking.moved_store import follow
from search.tracking.troubles import StoreProblem, in_one_line
from spaces.spec import SearchSpec
from trainers.commands import command_line
from trainers.errors import EnvironmentProblem, InputError

HOST = "127.0.0.1"


def serve(results: Path, port: int, say: Callable[[str], None], spec: SearchSpec | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM; the server's exit code. A store that is itself a server is only named.

    Raises EnvironmentProblem when the port is taken or the store does not answer, InputError when there is nothing to
    show yet.
    """
    uri = tracking_uri(spec, results)
    if uri.startswith(("http://", "https://")):
        for line in links(uri, shown_uri(uri)):
            say(line)
        return 0
    database = sqlite_path(uri)
    if database is not None and not database.exists():
        raise InputError(f"no runs in {results} yet; start a search with `{command_line('search', 'demo')}`")
    _check_free(port)
    if (moved := follow(uri)) is not None:
        say(moved)
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        HOST,
        "--port",
        str(port),
    ]
    command += ["--workers", "1", "--uvicorn-opts", "--log-level warning"]
    say("starting MLflow")
    log = results / "mlflow-ui.log"
    with log.open("w", encoding="utf-8") as output:
        server = subprocess.Popen(command, env=_environment(uri), stdout=output, stderr=output, start_new_session=True)
    for number in (signal.SIGTERM, signal.SIGHUP):  # the latter when the terminal is closed
        signal.signal(number, lambda *_: server.terminate())
    try:
        _wait_until_it_answers(server, port)
        if server.poll() is None:  # else its own words say more than what the store says to us
            for line in links(uri, f"http://{HOST}:{port}"):
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


def _environment(uri: str) -> dict[str, str]:
    return os.environ | {
        "MLFLOW_BACKEND_STORE_URI": for_mlflow(uri),  # on the command line everybody could read a password in it
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # workers that its side for language models would start
    }


def links(uri: str, address: str) -> list[str]:
    """Where each experiment opens. The UI starts on its side for language models unless the address says otherwise.

    Raises EnvironmentProblem when the store does not answer.
    """
    try:
        found = experiments(uri)
    except Exception as error:  # whatever the store raises
        raise _not_shown(uri, error) from None
    return [
        f"experiment {name}: {address}/#/experiments/{number}/runs?workflowType=machine_learning"
        for number, name in found
    ] or [address]


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
