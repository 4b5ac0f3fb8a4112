"""What a search adds to a trial that does nothing, against a stock Ray Tune function trainable that does the same.

One slot on each side. The trial imports torch, as any trial must, and reports as many epochs as a short trial has. A
trial's time is from its first line to the first line of the next one; ours includes the journal with its fsync, the
conductor, TPE, the files of Optuna and the delivery to MLflow in sqlite while it runs. Stock Ray samples at random and,
as in our searches, without its own CSV, JSON and TensorBoard files.
"""

import time
from collections.abc import Iterator
from io import StringIO
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import idle_trials
from bench_trial import demo
from idle_trials import EPOCHS, STARTS, idle, idle_stock
from measure import Row, Say, folder_on_disk
from ray import cloudpickle, tune
from rich.console import Console

from search import api
from search.cluster.connection import connected
from search.cluster.ray_output import quiet
from search.engine import ray_tune, runner

TRIALS, TRIALS_WITH_NEW_WORKERS = 24, 8
SPEC = [
    f"representation.epochs={EPOCHS - 2}",
    "classifier.solver=adamw",
    "classifier.epochs=2",
    f"search.trials={TRIALS}",
    "search.baselines=[]",
    "search.scheduler.name=none",
    "search.max_concurrent=1",
]


def rows(say: Say) -> Iterator[Row]:
    """Wall time per trial after the first, then the same with ours waiting until MLflow has everything."""
    cloudpickle.register_pickle_by_value(idle_trials)
    with folder_on_disk() as folder, connected(None):
        say(f"{TRIALS} idle trials of ours")
        ours, delivered = _of_ours(folder)
        say(f"{TRIALS} idle trials of stock Ray Tune, its workers used again")
        again = _of_stock(folder / "again", TRIALS, reuse_actors=True)
        say(f"{TRIALS_WITH_NEW_WORKERS} idle trials of stock Ray Tune, each in a worker of its own")
        anew = _of_stock(folder / "anew", TRIALS_WITH_NEW_WORKERS, reuse_actors=False)
    what = f"idle trial of {EPOCHS} epochs, wall time"
    yield Row.of("overhead", what, ours, "stock Ray, reuse_actors=True", again, "ms")
    yield Row.of("overhead", what, ours, "stock Ray", anew, "ms")
    yield Row.of("overhead", f"{what}, until MLflow has it", [delivered], "stock Ray, reuse_actors=True", again, "ms")


def _of_ours(root: Path) -> tuple[list[float], float]:
    """Milliseconds of each trial but the last, and their mean with the wait for MLflow at the end."""
    spec, _ = demo(SPEC, "idle")
    close, ends = runner.Tracker.close, []

    def timed_close(tracker: runner.Tracker, patience: float) -> int:
        left = close(tracker, patience)
        ends.append(time.time())
        return left

    with patch.object(ray_tune, "trainable", idle), patch.object(runner.Tracker, "close", timed_close):
        found = api.run(spec, results=root, console=Console(file=StringIO()))
    assert found.undelivered == 0, "MLflow is to have everything"
    starts = _starts(found.folder.path)
    return _between(starts), 1000 * (ends[0] - starts[0]) / len(starts)


def _of_stock(folder: Path, trials: int, *, reuse_actors: bool) -> list[float]:
    folder.mkdir()
    tuner = tune.Tuner(
        tune.with_resources(idle_stock, {"cpu": 1}),
        param_space={"folder": str(folder), "eta": tune.uniform(1, 300), "gamma": tune.uniform(0.5, 10)},
        tune_config=tune.TuneConfig(num_samples=trials, max_concurrent_trials=1, reuse_actors=reuse_actors),
        run_config=tune.RunConfig(storage_path=str(folder / "ray"), verbose=0),
    )
    with quiet(folder / "log.txt"):
        tuner.fit()
    return _between(_starts(folder))


def _starts(folder: Path) -> list[float]:
    return sorted(float(line) for line in (folder / STARTS).read_text().split())


def _between(starts: list[float]) -> list[float]:
    return [1000 * (after - before) for before, after in pairwise(starts)]
