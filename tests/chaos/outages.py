"""A search whose MLflow server is absent, killed or frozen for the middle third.

For each: the wall time against the undisturbed search, and what MLflow has after `afcl sync`. Prints a table; exits 1
when a metric is missing or doubled.
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

from search import tracking
from search.store import SearchFolder

KINDS = ("undisturbed", "absent from the start", "killed for the middle third", "frozen for the middle third")
SPEC = ["digits", "--set", "search.trials=30", "--set", "representation.epochs=24", "--set", "search.max_concurrent=1"]


class Server:
    """A real MLflow server on the loopback address, ended by its pid."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        words = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        words += ["--backend-store-uri", f"sqlite:///{self._folder / 'mlflow.db'}", "--workers", "1"]
        words += ["--artifacts-destination", str(self._folder / "artifacts")]
        environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with (self._folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, env=environment)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return

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
        for kind in (
            "undisturbed",
            "absent from the start",
            "killed for the middle third",
            "frozen for the middle third",
        ):
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
    server = Server(root / "server")
    if kind != "absent from the start":
        server.start()
    plans: dict[str, Callable[[], None]] = {
        "killed for the middle third": server.stop,
        "frozen for the middle third": lambda: server.signal(signal.SIGSTOP),
    }
    mends: dict[str, Callable[[], None]] = {
        "killed for the middle third": server.start,
        "frozen for the middle third": lambda: server.signal(signal.SIGCONT),
    }
    timers = [
        threading.Timer(undisturbed * share, action)
        for share, action in ((1 / 3, plans.get(kind)), (2 / 3, mends.get(kind)))
        if action is not None
    ]
    folder = SearchFolder(root / "results" / "digits")
    process = start("search", *SPEC, "--set", f"tracking.uri={server.uri}", results=root / "results")
    wait_for_lines(process, folder.journal, 1, random.Random(0))
    for timer in timers:
        timer.start()
    process.wait()
    for timer in timers:
        timer.join()
    events = [json.loads(line) for line in folder.journal.read_text().splitlines()]
    seconds = (events[-1]["time"] - events[0]["time"]) / 1000
    left = tracking.undelivered(folder)
    if kind == "absent from the start":
        server.start()
    try:
        return seconds, left, tracking.sync(folder)[1]
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
