"""What a search adds around and between its trials, noted by the workers of real searches themselves.

Two searches of the demo in as many slots as there are cores: as it is, with ASHA, where trials are short and many; and
with so many training images that a trial takes about half a minute.

A gap lasts from when a trial handed over its last epoch to the first training step of the next trial in the same worker
process. A slot computes from a trial's first step to its last epoch, but not while it saves a checkpoint or reports.
What comes before a slot's first trial and after its last is left out.
"""

import json
import statistics
from collections import defaultdict
from collections.abc import Iterator
from io import StringIO
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import worker_notes
from bench_trial import demo
from measure import Row, Say, folder_on_disk
from ray import cloudpickle
from rich.console import Console
from worker_notes import NOTES, Noted, noting

from search import api
from search.cluster.connection import connected
from search.engine import runner
from search.storage.search_folder import SearchFolder

GOAL = 0.3  # seconds from trial to trial
LONG = ["data.train_size=5000", "search.trials=3", "search.scheduler.name=none"]  # three baselines come on top


def rows(say: Say) -> Iterator[Row]:
    """The gaps of both searches; of the long one also how its slots spent their time."""
    with folder_on_disk() as folder, connected(None):
        say("a search of short trials in every slot")
        short = searched("short", [], folder)
        yield Row.of("slots", "from trial to trial, short trials", gaps(short), "the goal", [GOAL], "s")
        say("a search of trials of half a minute in every slot")
        long = searched("long", LONG, folder)
    trials = [trial for slot in long for trial in slot]
    what = f"trials of {statistics.median(trial.last - trial.first for trial in trials):.0f} s"
    yield Row.of("slots", f"from trial to trial, {what}", gaps(long), "the goal", [GOAL], "s")
    span = sum(slot[-1].last - slot[0].first for slot in long)
    for name, seconds in (
        ("slots computing", sum(trial.computing for trial in trials)),
        ("reporting", sum(sum(trial.reports) for trial in trials)),
        ("checkpoints, with fsync", sum(sum(trial.saves) for trial in trials)),
    ):
        yield Row.of("slots", f"{name}, {what}", [seconds], "slots' time", [span], "s")


Slot = list[Noted]  # the trials of one worker process, in their order


def gaps(slots: list[Slot]) -> list[float]:
    """Seconds between two trials, of all slots."""
    return [after.first - before.last for slot in slots for before, after in pairwise(slot)]


def searched(name: str, changes: list[str], root: Path) -> list[Slot]:
    """Run a search of the demo whose workers take notes; what they noted."""
    cloudpickle.register_pickle_by_value(worker_notes)
    spec, _ = demo(changes, name)
    with patch.object(runner, "trainable", noting):
        found = api.run(spec, results=root, console=Console(file=StringIO()))
    return slots_of(found.folder)


def slots_of(folder: SearchFolder) -> list[Slot]:
    """The notes of a search's workers, by process."""
    by_process = defaultdict(list)
    for path in folder.path.glob(f"trials/*/{NOTES}"):
        noted = Noted(**json.loads(path.read_text()))
        by_process[noted.pid].append(noted)
    return [sorted(trials, key=lambda trial: trial.first) for trials in by_process.values()]
