"""`make chaos`: kill a real search at seeded random moments, resume it each time, and count what was lost.

With one slot everything must be identical to the undisturbed search; with four nothing may be lost, doubled or
recomputed beyond the epoch that was in flight. Prints a table; exits 1 when anything differs.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from killing import kill, run, start, wait_for_lines
from rich.console import Console
from rich.table import Table

from search.algorithms.proposer import planned_trials
from search.journal.history import History
from search.storage.search_folder import SearchFolder
from search.tracking import outbox
from trainers.checkpoint import newest_checkpoint

SPEC = ["digits", "--set", "search.trials=30", "--set", "representation.epochs=12"]
FOUR_SLOTS = ["--set", "resources.cpus=0.5", "--set", "search.max_concurrent=4"]
ONE_SLOT = ["--set", "search.max_concurrent=1"]


def main() -> int:
    """Both halves; the exit code."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--kills", type=int, default=20)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="of the searches' spec")
    chosen = arguments.parse_args()
    spec = [*SPEC, *(word for change in chosen.set for word in ("--set", change))]
    table = Table("slots", "kills", "what was asked", "what came of it")
    well = True
    with tempfile.TemporaryDirectory(prefix="afcl-chaos-") as root:
        say = Console(stderr=True).print
        say("one slot, undisturbed")
        run("search", *spec, *ONE_SLOT, results=Path(root) / "whole")
        whole = SearchFolder(Path(root) / "whole" / "digits")
        for slots, words, kills in ((1, ONE_SLOT, chosen.kills), (4, FOUR_SLOTS, chosen.kills // 2)):
            folder = SearchFolder(Path(root) / f"slots-{slots}" / "digits")
            ahead = disturb(folder, [*spec, *words], kills, random.Random(f"{chosen.seed} {slots}"), say)
            checks = identical(whole, folder) if slots == 1 else {}
            for asked, answer in (checks | complete(folder) | {"epochs behind a checkpoint, at most": ahead}).items():
                table.add_row(str(slots), str(kills), asked, str(answer))
                well = well and answer in (True, 0)
    Console().print(table)
    return 0 if well else 1


def disturb(folder: SearchFolder, words: list[str], kills: int, draws: random.Random, say: Any) -> int:
    """Kill and resume so often, then let it end; how many reported epochs were in no checkpoint, at the worst."""
    process, behind = start("search", *words, results=folder.path.parent), 0
    for number in range(kills):
        with_workers = bool(number % 2)
        lines = folder.journal.read_bytes().count(b"\n") if folder.journal.exists() else 0
        if not wait_for_lines(process, folder.journal, lines + draws.randint(2, 14), draws):
            say(f"the search ended before kill {number + 1}")
            break
        kill(process, with_workers=with_workers)
        behind = max(behind, most_behind(folder))
        trials = len(folder.history().trials)
        say(f"kill {number + 1}, {'driver and workers' if with_workers else 'driver alone'}, at trial {trials}")
        process = start("resume", folder.name, results=folder.path.parent)
    if process.wait() != 0:
        raise RuntimeError((folder.path.parent / "printed.txt").read_text()[-2000:])
    return behind


def most_behind(folder: SearchFolder) -> int:
    """How many epochs that the journal has are in no checkpoint, at the worst of the running trials."""
    worst = 0
    for trial in folder.history().in_state("running"):
        checkpoint = newest_checkpoint(folder.trial(trial.number).checkpoints)
        worst = max(worst, trial.epoch - (checkpoint.epoch if checkpoint else 0))
    return worst


def identical(whole: SearchFolder, killed: SearchFolder) -> dict[str, bool]:
    """Whether the killed search is the whole one in all that is not a clock."""
    one, other = whole.history(), killed.history()
    return {
        "same configurations": [t.config for t in one.trials.values()] == [t.config for t in other.trials.values()],
        "same decisions": one.decisions == other.decisions,
        "same metrics at every epoch": _metrics(whole) == _metrics(killed),
        "same leaderboard": _leaderboard(one) == _leaderboard(other),
    }


def complete(folder: SearchFolder, trials: int | None = None) -> dict[str, bool]:
    """Whether every trial ended, every epoch stands in the journal once, and MLflow has the same.

    trials: how many there must be; None: as many as the spec plans.
    """
    trials = planned_trials(folder.spec()) if trials is None else trials
    events = [json.loads(line) for line in folder.journal.read_text().splitlines()]
    results = [(event["trial"], event["epoch"]) for event in events if event["event"] == "result"]
    asked = [event["trial"] for event in events if event["event"] == "asked"]
    ended = [event["trial"] for event in events if event["event"] == "end"]
    history = folder.history()
    gaps = [t.number for t in history.trials.values() if sorted(t.epochs) != list(range(1, t.epoch + 1))]
    return {
        "every trial asked once and ended once": len(asked) == len(set(asked)) == trials
        and sorted(asked) == sorted(ended),
        "every epoch once, none missing": len(results) == len(set(results)) and not gaps,
        "MLflow has every trial and epoch once": outbox.sync(folder)[1] == [],
    }


def _leaderboard(history: History) -> list[tuple[int, float | None]]:
    return [(trial.number, trial.score) for trial in history.ranked()]


def _metrics(folder: SearchFolder) -> dict[int, dict[int, dict[str, float]]]:
    clocks = ("seconds", "images_per_second")
    return {
        trial.number: {
            epoch: {name: value for name, value in metrics.items() if not name.endswith(clocks)}
            for epoch, metrics in trial.epochs.items()
        }
        for trial in folder.history().trials.values()
    }


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"{time.monotonic() - started:.0f} s")
    sys.exit(code)
