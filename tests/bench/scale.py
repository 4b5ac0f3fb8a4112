"""What a search of very many trials costs its driver, and whoever looks at it: one table, by number of trials.

    python tests/bench/scale.py --trials 100 1000 10000
    python tests/bench/scale.py --trials 1000 10000 --by promotion      trials pause, the sampler is `curves`

A search's journal is made by replay (search.engine.replay), so no trial trains. Times are CPU seconds of one process,
of all its threads together; a busy machine changes those of one thread little. The memory is the largest resident size
of the process that did it.
"""

import argparse
import json
import math
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from statistics import quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
GOALS = {
    "ask + report, p99": (50, "ms"),
    "decision": (1, "ms"),
    "live view": (5, "ms"),
    "a random history": (10, "s"),
    "resume ready": (20, "s"),
    "show": (3, "s"),
    "report": (60, "s"),
    "page": (8, "MB"),
    "memory": (1000, "MB"),
}
Figures = dict[str, float]


class Noisy:
    """A curve for each trial: better near τ = .1, rising by epoch, with noise of its own."""

    def value(self, trial: Any, epoch: int) -> float:
        """Its metric at an epoch's end."""
        noise = random.Random(trial.number * 1000 + epoch).gauss(0, 0.01)
        return 0.8 - 0.1 * abs(math.log(trial.values["loss.temperature"] / 0.1)) - 0.2 / epoch + noise

    def seconds(self, trial: Any, epoch: int) -> float:
        """All epochs are equal."""
        return 1.0


def make(trials: int, root: Path, by: str = "asha") -> Path:
    """A results folder with a search of so many trials, interrupted before its last; made without Ray.

    Its trials are random ones. The sampler of the spec that it leaves is tpe, or curves by promotion.
    """
    from search.engine.replay import replay
    from search.storage.provenance import about_data, provenance
    from search.storage.results_folder import create_folder
    from spaces.spec import load_spec
    from trainers.data import load

    by_promotion = ["search.scheduler={name: promotion, grace: 2}"] if by == "promotion" else []
    spec = load_spec("digits", ["search.sampler=random", f"search.trials={trials}", *by_promotion], name="many")
    arrays = load(spec.data)
    started = time.process_time()
    made = replay(spec, Noisy(), slots=8)
    (root / "history.json").write_text(json.dumps({"a random history": time.process_time() - started}))
    learns = {"sampler": "curves" if by == "promotion" else "tpe", "trials": trials + 100}
    left = spec.model_copy(update={"search": spec.search.model_copy(update=learns)})
    folder = create_folder(root, left, provenance(about_data(arrays)))
    with folder.journal.open("w") as file:
        for event in made.events:
            event = {"event": "close", "reason": "interrupted"} | event if event["event"] == "close" else event
            event |= {"reason": "interrupted"} if event["event"] == "close" else {}
            file.write(json.dumps(event, separators=(",", ":")) + "\n")
    return root


def _of_driver(root: Path) -> Figures:
    """Asks, decisions and the live view, in the middle of a session."""
    from search.algorithms.proposer import SearchAgenda
    from search.display.live import LiveView
    from search.engine.controller import Conductor
    from search.engine.plan import make_plan
    from search.storage.search_folder import SearchFolder
    from trainers.data import load

    folder = SearchFolder(root / "many")
    spec, history = folder.spec(), folder.history()
    conductor = Conductor(spec, history, folder.open_journal(), SearchAgenda(spec, 8))
    conductor.open()
    curves, asked, decided = Noisy(), [], []
    for _ in range(60):
        started = time.process_time()
        trial = conductor.next_trial()
        assert trial is not None, "the search has trials left"
        conductor.launched(trial.number)
        asked.append(time.process_time() - started)
        for epoch in range(trial.epoch + 1, spec.base.last_epoch + 1):
            started = time.process_time()
            value = curves.value(trial, epoch)
            conductor.result(trial.number, epoch, {conductor.metric: value, conductor.deciding: value})
            decided.append(time.process_time() - started)
            if trial.state != "running":
                break
    console, plan = Console(file=StringIO(), width=140), make_plan(spec, load(spec.data))
    view = LiveView(console, plan, conductor.metric, lambda: None)
    view.start(history)
    shown = _seconds(lambda: console.print(view._render()), 20)
    asked_and_told = [a + max(decided) for a in asked[1:]]  # the first has all trials to take in, as a resume has
    return {
        "ask + report, p99": 1000 * quantiles(asked_and_told, n=100)[98],
        "decision": 1000 * sum(decided) / len(decided),
        "live view": 1000 * shown,
    }


def _of_resume(root: Path) -> Figures:
    """From the word to the first trial that a worker could take, without Ray's start."""
    from search.algorithms.proposer import SearchAgenda
    from search.engine import checkpoint_retention
    from search.engine.controller import Conductor
    from search.storage.ownership import taken
    from search.storage.search_folder import SearchFolder
    from search.tracking.optuna_study import OptunaView

    folder = SearchFolder(root / "many")
    started = time.process_time()
    with taken(folder, print) as hold:
        history = getattr(hold, "history", None) or folder.history()
        spec = folder.spec()
        best = checkpoint_retention.best_and_contrast
        checkpoint_retention.Keeper(folder, history, lambda history: best(history, 10))
        OptunaView(folder.optuna_view, spec, history)
        conductor = Conductor(spec, history, folder.open_journal(), SearchAgenda(spec, 8))
        conductor.open()
        conductor.next_trial()
    return {"resume ready": time.process_time() - started}


def _of_words(root: Path, word: str, *more: str) -> Figures:
    """CPU seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "search", word, "many", "--results", str(root), *more],
        check=True,
        capture_output=True,
        env=os.environ | {"COLUMNS": "120"},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {word: after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def _seconds(call: Callable[[], object], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - started) / times


PARTS: dict[str, Callable[[Path], Figures]] = {
    "resume": _of_resume,
    "driver": _of_driver,
    "show": lambda root: _of_words(root, "show"),
    "report": lambda root: _of_words(root, "report"),
}


def measured(root: Path) -> Iterator[Figures]:
    """Each part in a process of its own, on a copy of the folder."""
    yield json.loads((root / "history.json").read_text())
    for part in PARTS:
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch) / "results"
            subprocess.run(["cp", "-r", str(root), str(copy)], check=True)
            done = subprocess.run([sys.executable, __file__, "--part", part, str(copy)], capture_output=True, text=True)
            if done.returncode != 0:
                print(f"{part}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                continue
            yield json.loads(done.stdout.splitlines()[-1])


def _run_part(part: str, root: Path) -> None:
    figures = PARTS[part](root)
    who = resource.RUSAGE_CHILDREN if part in ("show", "report") else resource.RUSAGE_SELF
    figures[f"memory ({part})"] = resource.getrusage(who).ru_maxrss / 1000
    if part == "report":
        figures["page"] = (root / "many" / "index.html").stat().st_size / 1e6
    print(json.dumps(figures))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--by", choices=["asha", "promotion"], default="asha", help="the scheduler")
    parser.add_argument("--keep", type=Path, help="where the searches are made, and found again")
    parser.add_argument("--part", nargs=2, metavar=("PART", "ROOT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        _run_part(given.part[0], Path(given.part[1]))
        return
    columns: dict[int, Figures] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for trials in given.trials:
            root = (given.keep or Path(scratch)) / str(trials)
            if not (root / "history.json").exists():
                root.mkdir(parents=True)
                make(trials, root, given.by)
            columns[trials] = {name: value for part in measured(root) for name, value in part.items()}
    table = Table("", *(f"{trials:,}" for trials in columns), "goal", title="by number of trials")
    for name in dict.fromkeys(name for figures in columns.values() for name in figures):
        goal, unit = GOALS.get(name.split(" (")[0], (math.nan, ""))
        values = (f"{figures[name]:.3g}" if name in figures else "-" for figures in columns.values())
        table.add_row(f"{name}, {unit}", *values, "" if math.isnan(goal) else f"{goal:g}")
    Console().print(table)


if __name__ == "__main__":
    main()
