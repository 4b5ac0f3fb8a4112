"""A worker killed, and a node removed from a real Ray of three nodes on this machine: epochs recomputed, seconds lost.

The nodes are processes on the loopback address. The search joins them as a cluster (`--address`), two slots. Prints a
table; exits 1 when a trial is lost or its score is another.
"""

import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from killing import run, start, wait_for_lines
from ray.cluster_utils import Cluster
from rich.console import Console
from rich.table import Table

from search.storage.search_folder import SearchFolder

SPEC = ["digits", "--set", "search.trials=0", "--set", "space={}", "--set", "representation.epochs=120"]


def main() -> int:
    """Undisturbed, then each loss; the exit code."""
    table = Table("lost", "trials finished", "epochs recomputed", "seconds lost", "same scores")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    well = True
    with tempfile.TemporaryDirectory(prefix="afcl-nodes-") as name:
        root, words = Path(name), [*SPEC, "--address", cluster.address]
        run("search", *words, results=root / "whole")
        whole = SearchFolder(root / "whole" / "digits")
        losses: dict[str, Callable[[SearchFolder], None]] = {
            "nothing": lambda folder: None,
            "a worker": kill_a_worker,
            "a node": lambda folder: cluster.remove_node(nodes.pop(), allow_graceful=False),
        }
        for what, lose in losses.items():
            folder = SearchFolder(root / what / "digits")
            process = start("search", *words, results=root / what)
            wait_for_lines(process, folder.journal, 40, random.Random(0))
            lose(folder)
            process.wait()
            same = scores(folder) == scores(whole)
            finished = len(folder.history().in_state("finished"))
            lost = seconds(folder) - seconds(whole)
            table.add_row(what, f"{finished} of 3", str(recomputed(folder)), f"{lost:.1f}", str(same))
            well = well and same
    cluster.shutdown()
    Console().print(table)
    return 0 if well else 1


def kill_a_worker(folder: SearchFolder) -> None:
    """SIGKILL the process that runs the search's first running trial."""
    trial = folder.history().in_state("running")[0]
    os.kill(int(folder.trial(trial.number).log.read_text().rsplit(" pid ", 1)[1].split()[0]), signal.SIGKILL)


def scores(folder: SearchFolder) -> dict[int, float | None]:
    """Scores by trial."""
    return {trial.number: trial.score for trial in folder.history().trials.values()}


def recomputed(folder: SearchFolder) -> int:
    """Epochs that were computed more than once: each logs a line when it has been."""
    logged = sum(log.read_text().count("\nepoch ") for log in folder.path.glob("trials/*/log.txt"))
    return logged - sum(len(trial.epochs) for trial in folder.history().trials.values())


def seconds(folder: SearchFolder) -> float:
    """From the search's first event to its last."""
    events = [json.loads(line) for line in folder.journal.read_text().splitlines()]
    return float(events[-1]["time"] - events[0]["time"]) / 1000


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"{time.monotonic() - started:.0f} s")
    sys.exit(code)
