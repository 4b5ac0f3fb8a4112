"""A search whose MLflow server is absent, killed or frozen for the middle third, or is given a wrong password.

For each: the wall time against the undisturbed search, and what MLflow has after `afcl sync`. Prints a table, and what
the user was told of a wrong password; exits 1 when a metric is missing or doubled.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from killing import descendants, kill, start, wait_for_lines
from rich.console import Console
from rich.table import Table

from search.storage.addresses import sqlite_uri
from search.storage.search_folder import SearchFolder
from search.tracking import delivered, outbox

ABSENT, KILLED, FROZEN = "absent from the start", "killed for the middle third", "frozen for the middle third"
WRONG_PASSWORD = "a wrong password"
KINDS = ("undisturbed", ABSENT, KILLED, FROZEN, WRONG_PASSWORD)
ADMIN = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": "the right password"}
SPEC = ["digits", "--set", "search.trials=30", "--set", "representation.epochs=24", "--set", "search.max_concurrent=1"]


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A real MLflow server on the loopback address, ended by its pid; with names and passwords where `locked`."""

    def __init__(self, folder: Path, *, locked: bool) -> None:
        self._folder, self._locked = folder, locked
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        words = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        words += ["--backend-store-uri", sqlite_uri(self._folder / "mlflow.db"), "--workers", "1"]
        words += ["--artifacts-destination", str(self._folder / "artifacts")]
        environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        if self._locked:
            words += ["--app-name", "basic-auth"]
            environment |= {
                "MLFLOW_AUTH_CONFIG_PATH": str(self._auth_config()),
                "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN["MLFLOW_TRACKING_PASSWORD"],
                "MLFLOW_FLASK_SERVER_SECRET_KEY": "only for this test",
            }
        with (self._folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, env=environment)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return

    def _auth_config(self) -> Path:
        config = self._folder / "auth.ini"
        config.write_text(
            f"[mlflow]\ndefault_permission = READ\ndatabase_uri = {sqlite_uri(self._folder / 'auth.db')}\n"
            "admin_username = admin\nauthorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
            "grant_default_workspace_access = false\n"
        )
        return config

    def signal(self, number: int) -> None:
        """Signal the server and all that it started."""
        assert self.process is not None
        for pid in [self.process.pid, *descendants(self.process.pid)]:
            os.kill(pid, number)

    def stop(self) -> None:
        """Kill it."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGCONT)
            kill(self.process, with_workers=True)


def main() -> int:
    """All outages; the exit code."""
    table = Table("MLflow server", "wall time", "of the undisturbed", "undelivered at the end", "after `afcl sync`")
    well, undisturbed = True, 0.0
    with tempfile.TemporaryDirectory(prefix="afcl-outages-") as name:
        for kind in KINDS:
            Console(stderr=True).print(kind)
            root = Path(name) / kind.replace(" ", "-")
            seconds, left, different = disturbed(kind, root, undisturbed)
            undisturbed = undisturbed or seconds
            verdict = "all there, once" if not different else "; ".join(different)
            table.add_row(kind, f"{seconds:.1f} s", f"{seconds / undisturbed:.2f}", str(left), verdict)
            well = well and not different
    Console().print(table)
    return 0 if well else 1


def disturbed(kind: str, root: Path, undisturbed: float) -> tuple[float, int, list[str]]:
    """One search: its seconds, events undelivered at its end, and what differs after a sync with a well server."""
    server = Server(root / "server", locked=kind == WRONG_PASSWORD)
    if kind != ABSENT:
        server.start()
    plans: dict[str, Callable[[], None]] = {KILLED: server.stop, FROZEN: lambda: server.signal(signal.SIGSTOP)}
    mends: dict[str, Callable[[], None]] = {KILLED: server.start, FROZEN: lambda: server.signal(signal.SIGCONT)}
    timers = [
        threading.Timer(undisturbed * share, action)
        for share, action in ((1 / 3, plans.get(kind)), (2 / 3, mends.get(kind)))
        if action is not None
    ]
    folder = SearchFolder(root / "results" / "digits")
    wrong = ADMIN | {"MLFLOW_TRACKING_PASSWORD": "a wrong one"} if kind == WRONG_PASSWORD else {}
    process = start("search", *SPEC, "--set", f"tracking.uri={server.uri}", results=root / "results", **wrong)
    wait_for_lines(process, folder.journal, 1, random.Random(0))
    for timer in timers:
        timer.start()
    process.wait()
    for timer in timers:
        timer.join()
    events = [json.loads(line) for line in folder.journal.read_text().splitlines()]
    seconds = (events[-1]["time"] - events[0]["time"]) / 1000
    left = delivered.undelivered(folder)
    if kind == ABSENT:
        server.start()
    if kind == WRONG_PASSWORD:
        told = [line for line in (root / "results" / "printed.txt").read_text().splitlines() if "MLflow" in line]
        Console().print("with a wrong password the user reads:", *told, sep="\n", highlight=False)
        os.environ.update(ADMIN)
    try:
        return seconds, left, outbox.sync(folder)[1]
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
