"""Run the command line as a process of its own, and kill it, with or without everything that it started."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

AFCL = Path(sys.executable).with_name("afcl")


def start(*words: str, results: Path, **variables: str) -> subprocess.Popen[bytes]:
    """Start `afcl WORDS --results RESULTS`; what it prints goes to a file beside the searches."""
    results.mkdir(parents=True, exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AFCL_", "MLFLOW_", "RAY_"))}
    with (results / "printed.txt").open("ab") as output:
        return subprocess.Popen(
            [str(AFCL), *words, "--results", str(results)],
            stdout=output,
            stderr=output,
            env=environment | variables,
        )


def run(*words: str, results: Path) -> float:
    """Run to the end; seconds. Raises CalledProcessError when it fails."""
    started = time.monotonic()
    process = start(*words, results=results)
    if process.wait() != 0:
        raise subprocess.CalledProcessError(process.returncode, words, (results / "printed.txt").read_text()[-2000:])
    return time.monotonic() - started


def kill(process: subprocess.Popen[bytes], *, with_workers: bool) -> None:
    """SIGKILL, by pid, the driver alone or all that descends from it as well; then wait until all of it is gone."""
    family = descendants(process.pid)
    process.kill()
    process.wait()
    if with_workers:
        for pid in family:
            _signal(pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() and not _is_zombie(pid) for pid in family):
        if time.monotonic() > deadline:
            for pid in family:
                _signal(pid, signal.SIGKILL)
        time.sleep(0.05)


def kill_family(process: subprocess.Popen[Any]) -> None:
    """SIGKILL a process and all below it, by pid."""
    for pid in [process.pid, *descendants(process.pid)]:
        _signal(pid, signal.SIGKILL)
    process.wait()


def descendants(root: int) -> list[int]:
    """Pids of all processes below `root`."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found, frontier = [], [root]
    while frontier:
        above = frontier.pop()
        below = [pid for pid, parent in parents.items() if parent == above]
        found += below
        frontier += below
    return found


def wait_for_lines(process: subprocess.Popen[bytes], journal: Path, lines: int, draws: random.Random) -> bool:
    """Wait until the journal has so many lines and then a moment more; False when the search ended before."""
    while process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") >= lines:
            time.sleep(draws.uniform(0, 0.05))
            return process.poll() is None
        time.sleep(0.002)
    return False


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
