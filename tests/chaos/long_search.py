"""A real search of 2,000 short trials on Ray, killed twice, and what its driver costs beside stock Ray Tune's.

Two slots, scikit-learn's digits, three epochs of stage one and ASHA. Ours is killed with all its workers at a third and
at two thirds of its trials, and resumed; then nothing may be lost or doubled, in the journal and in MLflow. Stock Ray
Tune runs the same pipeline, undisturbed, with its ASHAScheduler and OptunaSearch. The driver's CPU seconds are those of
its own process, without Ray's servers and the workers. Prints a table; exits 1 when anything was lost.

    python tests/chaos/long_search.py --trials 2000
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import stock_ray
from killing import kill, start, wait_for_lines
from rich.console import Console
from rich.table import Table
from run import complete

from search.storage.search_folder import SearchFolder

EPOCHS, SLOTS = 3, 2
SEARCH = [f"representation.epochs={EPOCHS}", "search.baselines=[]", f"search.max_concurrent={SLOTS}"]
NICENESS = {"RAY_worker_niceness": "0"}  # Ray's 15 starves its workers beside any other busy process
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Cost:
    """What the processes of a driver took, one after the other."""

    cpu: float = 0.0  # seconds, user and system
    wall: float = 0.0  # seconds
    sessions: int = 0


class Watched:
    """Adds a driver's CPU and wall seconds to a cost while it runs, so that a killed one is counted too."""

    def __init__(self, process: subprocess.Popen[bytes], cost: Cost) -> None:
        self._process, self._cost = process, cost
        self._began, self._seen = time.monotonic(), 0.0
        cost.sessions += 1
        self._thread = Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while self._process.poll() is None:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            if fields[0] != "Z":  # a zombie's are nil
                self._seen = max(self._seen, (int(fields[11]) + int(fields[12])) / TICKS)
            time.sleep(0.05)

    def ended(self) -> None:
        """Add what was seen."""
        self._thread.join()
        self._cost.cpu += self._seen
        self._cost.wall += time.monotonic() - self._began


def ours(root: Path, trials: int, say: Any) -> tuple[Cost, dict[str, bool]]:
    """Search, killed twice; its cost and whether all is there."""
    sets = [part for word in [*SEARCH, f"search.trials={trials}"] for part in ("--set", word)]
    folder, cost, draws = SearchFolder(root / "digits"), Cost(), random.Random(0)
    words = ["search", "digits", *sets]
    seen: list[int] = []
    for kills in range(3):
        process = start(*words, results=root, **NICENESS)
        watched = Watched(process, cost)
        if kills == 2:
            process.wait()
        while kills < 2 and process.poll() is None and _begun(folder) < (kills + 1) * trials // 3:
            time.sleep(1)
        if kills < 2 and wait_for_lines(process, folder.journal, 0, draws):
            kill(process, with_workers=True)
            seen.append(len(folder.history().trials))
            say(f"killed at {seen[-1]} trials")
        watched.ended()
        words = ["resume", "digits"]
    if process.returncode != 0:
        raise RuntimeError((root / "printed.txt").read_text()[-2000:])
    say(f"{trials} trials in three sessions")
    return cost, {"killed twice": len(seen) == 2} | complete(folder, trials)


def _begun(folder: SearchFolder) -> int:
    return len(list(folder.path.glob("trials/*"))) if folder.path.exists() else 0


def stock(root: Path, trials: int) -> Cost:
    """The cost of stock Ray Tune's search of as many trials."""
    root.mkdir(parents=True)
    cost = Cost()
    with (root / "printed.txt").open("ab") as output:
        command = stock_ray.stock_command(root, trials, EPOCHS, SLOTS)
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | NICENESS)
    watched = Watched(process, cost)
    process.wait()
    watched.ended()
    if process.returncode != 0:
        raise RuntimeError((root / "printed.txt").read_text()[-2000:])
    return cost


def main() -> int:
    """Run both and print the table; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--keep", type=Path, help="leave the searches in this folder")
    parser.add_argument("--only", choices=["ours", "stock"], help="run one of the two")
    given = parser.parse_args()
    say = Console(stderr=True).print
    table = Table("search", "sessions", "wall, s", "driver's CPU, s", "CPU ÷ wall", "CPU a trial, ms")
    checks: dict[str, bool] = {}
    with tempfile.TemporaryDirectory(prefix="afcl-long-") as name:
        root = given.keep or Path(name)
        costs: dict[str, Cost] = {}
        if given.only != "stock":
            costs["afcl, killed twice"], checks = ours(root / "ours", given.trials, say)
        if given.only != "ours":
            costs["stock Ray Tune, undisturbed"] = stock(root / "stock", given.trials)
    for who, cost in costs.items():
        share, each = cost.cpu / cost.wall, 1000 * cost.cpu / given.trials
        table.add_row(who, str(cost.sessions), f"{cost.wall:.0f}", f"{cost.cpu:.0f}", f"{share:.3f}", f"{each:.0f}")
    Console().print(table)
    for asked, answer in checks.items():
        print(f"{asked}: {answer}")
    return 0 if all(checks.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
