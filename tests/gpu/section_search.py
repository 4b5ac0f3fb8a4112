"""Real Ray searches whose trials share one card: memory, a trial that runs out of it, a killed worker, throughput."""

import os
import re
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import ray
import torch
from PIL import Image
from rich.console import Console
from rows import Row
from setting import DIGITS, Setting

from search.api import run
from search.cluster.connection import connected
from search.journal.history import Trial
from search.journal.log import read_events
from search.storage.search_folder import SearchFolder
from search.worker.gpu_share import granted
from spaces.spec import SearchSpec, parse_spec

SIDE, IMAGES = 128, 600  # of the generated images: a batch of them all is more than a quarter of any card
FITTING, TOO_LARGE = (32, 40, 48), 600  # images in a batch of ResNet-18
SHARING = 4


def rows(setting: Setting) -> Iterator[Row]:
    """All on one Ray."""
    gpus = 1 if setting.on_gpu else 0
    with tempfile.TemporaryDirectory() as folder, connected(None, cpus=SHARING + 1, gpus=gpus):
        if setting.on_gpu:
            yield from _shares()
        yield from _one_runs_out_and_one_is_killed(setting, Path(folder))
        yield from _throughput(setting, Path(folder))


def _shares() -> Iterator[Row]:
    """Four tasks at once, each with a quarter: a little less than that can be had, a little more can not."""

    @ray.remote(num_cpus=1, num_gpus=1 / SHARING)
    def take() -> tuple[bool, bool]:
        with granted() as device:
            total = torch.cuda.get_device_properties(device).total_memory
            held = torch.empty(int(0.2 * total), dtype=torch.uint8, device=device)
            time.sleep(2)  # so that all four hold theirs at the same time
            try:
                torch.empty(int(0.08 * total), dtype=torch.uint8, device=device)
            except torch.cuda.OutOfMemoryError:
                return held.is_cuda, True
            return held.is_cuda, False

    taken = ray.get([take.remote() for _ in range(SHARING)])
    yield Row.check("four at once hold .20 of the card's memory each", all(held for held, _ in taken))
    yield Row.check("none of them gets .28 of it", all(refused for _, refused in taken))


def _one_runs_out_and_one_is_killed(setting: Setting, folder: Path) -> Iterator[Row]:
    """A grid of four batch sizes at once: the largest does not fit; the smallest's worker is killed in mid-trial."""
    model = setting.pick({"encoder": "resnet18", "stem": "small"}, {"width": 2})
    side = setting.pick(SIDE, 16)
    fitting = setting.pick(FITTING, FITTING[:2])
    sizes = [*fitting, TOO_LARGE] if setting.on_gpu else list(fitting)
    spec = parse_spec(
        {
            "name": "sharing",
            "data": {"dataset": "folder", "path": str(_images(folder / "images", side)), "val_per_class": 20},
            "model": model,
            "representation": {"epochs": setting.pick(5, 3), "lr": 1e-4, "probe_images": 40},
            "classifier": {"epochs": 2},
            "space": {"representation.batch_size": {"choice": sizes}},
            "search": {"trials": len(sizes), "baselines": [], "sampler": "grid", "scheduler": {"name": "none"}},
            "resources": {"cpus": 1, "gpus": 1 / SHARING if setting.on_gpu else 0},
        }
    )
    victim = SearchFolder(folder / "sharing").trial(0)
    killer = threading.Thread(target=_kill_in_mid_trial, args=(victim.log,), daemon=True)
    killer.start()
    trials = _trials_of(spec, folder)
    by_size = {int(trial.config["representation"]["batch_size"]): trial for trial in trials}
    if setting.on_gpu:
        reason = by_size[TOO_LARGE].reason or ""
        failed = by_size[TOO_LARGE].state == "failed" and "out of GPU memory" in reason
        yield Row.check("the trial that runs out of its quarter fails, with the line", failed, reason)
    finished = [by_size[size].state == "finished" for size in fitting]
    note = "; ".join(f"{size}: {trial.state} {trial.reason or ''}" for size, trial in by_size.items())
    yield Row.check("the others finish beside it", all(finished), "" if all(finished) else note)
    log = victim.log.read_text()
    went_on = re.search(r"goes on from its checkpoint of epoch (\d+)", log)
    yield Row.check("a worker killed with SIGKILL goes on from its checkpoint", went_on is not None)
    if went_on is None:
        print(log)
    last = spec.base.last_epoch
    yield Row.check("and has every epoch once", sorted(by_size[fitting[0]].epochs) == list(range(1, last + 1)))


def _images(folder: Path, side: int) -> Path:
    """Two classes of noisy images, as a user's folder has them."""
    draws = np.random.default_rng(0)
    for label, (name, base) in enumerate((("dark", 40), ("light", 120))):
        (folder / name).mkdir(parents=True)
        for number in range(IMAGES // 2 + 20):
            pixels = draws.integers(base, base + 100, (side, side), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{label}-{number}.png")
    return folder


def _kill_in_mid_trial(log: Path) -> None:
    """Wait for a trial's first epochs in its log, then kill the process that the log names."""
    end = time.monotonic() + 100
    while time.monotonic() < end:
        text = log.read_text() if log.exists() else ""
        pid = re.search(r"pid (\d+)", text)
        if pid is not None and "epoch 2:" in text:
            os.kill(int(pid[1]), signal.SIGKILL)
            return
        time.sleep(0.005)


def _throughput(setting: Setting, folder: Path) -> Iterator[Row]:
    """The same four trials of `small`, four at a time and one at a time; what Ray and imports take is not counted."""
    epochs = setting.pick((60, 20), (3, 2))
    rates: dict[int, float] = {}
    for at_once in (SHARING, 1):
        spec = parse_spec(
            {
                "name": f"at-once-{at_once}",
                "data": DIGITS,
                "model": {"width": 16},
                "representation": {"epochs": epochs[0], "batch_size": 256, "augment": {"flip": 0}},
                "classifier": {"epochs": epochs[1]},
                "space": {"loss.eta": {"loguniform": [1, 300]}, "loss.temperature": {"loguniform": [0.05, 0.5]}},
                "search": {
                    "trials": setting.pick(SHARING, 2),
                    "baselines": [],
                    "sampler": "random",
                    "scheduler": {"name": "none"},
                    "max_concurrent": at_once,
                },
                "resources": {"cpus": 1, "gpus": 1 / SHARING if setting.on_gpu else 0},
            }
        )
        trials = _trials_of(spec, folder)
        yield Row.check(
            f"{len(trials)} trials, {at_once} at once, finish", all(one.state == "finished" for one in trials)
        )
        rates[at_once] = _epochs_per_second(folder / spec.name, at_once)
        yield Row(f"`small` on the digits, {at_once} at once", rates[at_once], "epochs/s")
    goal = 1.5 if setting.on_gpu else None
    yield Row("four that share against one at a time", rates[SHARING] / rates[1], "× its throughput", at_least=goal)


def _epochs_per_second(folder: Path, at_once: int) -> float:
    """Results per second while `at_once` trials were under way, from the journal's clock."""
    seen: dict[int, list[float]] = {}
    for event, _ in read_events(SearchFolder(folder).journal):
        if event["event"] == "result":
            seen.setdefault(event["trial"], []).append(event["time"] / 1000)
    first = [times[0] for times in seen.values()]
    last = [times[-1] for times in seen.values()]
    start, end = (max(first), min(last)) if at_once > 1 else (min(first), max(last))
    if end <= start:  # trials so short that they were never all under way
        return float("nan")
    return sum(start < moment <= end for times in seen.values() for moment in times) / (end - start)


def _trials_of(spec: SearchSpec, folder: Path) -> list[Trial]:
    found = run(spec, results=folder, console=Console(file=sys.stdout))
    return list(found.history.trials.values())
