"""A whole trial against a plain two-stage SupCon loop: time and score."""

import os
import statistics
import time
from collections.abc import Iterator

from plain_loop import plain_trial
from rows import Row
from setting import Setting, digits, quiet, trial

from trainers.pipeline import run_trial


def rows(setting: Setting) -> Iterator[Row]:
    """Both with plain contrastive loss, seed by seed in turns; the loop has a loading worker for each two cores."""
    data, workers = digits(), setting.pick(max(1, (os.cpu_count() or 1) // 2), 0)
    seconds: dict[str, list[float]] = {"ours": [], "plain": []}
    scores: dict[str, list[float]] = {"ours": [], "plain": []}
    sections = setting.pick({}, {"representation": {"epochs": 1}, "classifier": {"epochs": 1}})
    for seed in range(setting.pick(3, 1)):
        config = trial(
            seed=seed,
            loss={"eta": 0, "gamma": 0, "normalize_by": "positives"},
            **{"representation": {"augment": {"crop_scale": 0.8, "flip": 0}}} | sections,
        )
        started = time.perf_counter()
        scores["ours"].append(run_trial(config, data, quiet, device=setting.device).score)
        seconds["ours"].append(time.perf_counter() - started)
        started = time.perf_counter()
        scores["plain"].append(plain_trial(config, data, seed, workers, setting.device))
        seconds["plain"].append(time.perf_counter() - started)
    stages = f"digits, {config.representation.epochs}+{config.classifier.epochs} epochs, {len(seconds['ours'])} seeds"
    ours, plain = (statistics.median(seconds[side]) for side in ("ours", "plain"))
    yield Row(f"{stages}: ours", ours, "s")
    yield Row(f"{stages}: plain SupCon loop with {workers} loading workers", plain, "s")
    yield Row(f"{stages}: ours against it", ours / plain, "of its time")
    for side in ("ours", "plain"):
        yield Row(f"{stages}: mean score, {side}", statistics.mean(scores[side]))
