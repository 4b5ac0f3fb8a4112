"""A whole trial against a plain two-stage loop in the style of the public SupCon scripts, in time and in score."""

import os
import time
from collections.abc import Iterator
from functools import partial

from bench_trial import demo
from measure import Row, Say, folder_on_disk, where
from plain_loop import plain_trial

from trainers.checkpoint import save_checkpoint
from trainers.pipeline import run_trial

FULL = [
    "representation.epochs=16",
    "classifier.solver=adamw",
    "classifier.epochs=20",
    "loss.normalize_by=positives",
]  # so that both losses are one
SEEDS = range(5)


def rows(say: Say) -> Iterator[Row]:
    """Both on the demo's data with plain contrastive loss, seed by seed in turns: seconds, and scores.

    The plain loop has a loading worker for each core beside the threads that ours has.
    """
    spec, data = demo(FULL)
    workers = os.cpu_count() or 1
    seconds: dict[str, list[float]] = {"ours": [], "plain": []}
    scores: dict[str, list[float]] = {"ours": [], "plain": []}
    for seed in SEEDS:
        say(f"trial of {spec.base.last_epoch} epochs against a plain loop, seed {seed}")
        config = spec.base.model_copy(update={"seed": seed})
        with folder_on_disk() as folder:
            started = time.perf_counter()
            save = partial(save_checkpoint, folder=folder)
            result = run_trial(config, data, lambda *_: None, save=save, device=where())
            seconds["ours"].append(time.perf_counter() - started)
        scores["ours"].append(result.score)
        started = time.perf_counter()
        scores["plain"].append(plain_trial(config, data, seed, workers, where()))
        seconds["plain"].append(time.perf_counter() - started)
    name = f"plain SupCon loop, DataLoader with {workers} workers"
    what = f"whole trial, {spec.base.representation.epochs}+{spec.base.classifier.epochs} epochs"
    yield Row.of("plain", what, seconds["ours"], name, seconds["plain"], "s")
    yield Row.of("plain", f"{what}, val balanced accuracy", scores["ours"], name, scores["plain"], "")
