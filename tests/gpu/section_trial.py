"""A whole trial on the device and on the CPU: the same score, up to what bfloat16 changes."""

import statistics
from collections.abc import Iterator

import torch
from rows import Row
from setting import Setting, digits, quiet, trial

from trainers.pipeline import run_trial

SEEDS = range(5)


def rows(setting: Setting) -> Iterator[Row]:
    """Five seeds; the same seeds in float32 throughout, for which `deterministic: true` stands, tell of bfloat16."""
    data = digits()
    sections = setting.pick({}, {"representation": {"epochs": 1}, "classifier": {"epochs": 1}})
    seeds = setting.pick(SEEDS, SEEDS[:2])
    torch.set_num_threads(1)  # the images are few: more threads would wait for each other
    scores: dict[str, list[float]] = {"device": [], "cpu": []}
    for seed in seeds:
        config = trial(seed=seed, **sections)
        for name, device in (("device", setting.device), ("cpu", torch.device("cpu"))):
            scores[name].append(run_trial(config, data, quiet, device=device).score)
    apart = [ours - other for ours, other in zip(scores["device"], scores["cpu"], strict=True)]
    spread = statistics.stdev(apart) / len(apart) ** 0.5
    note = f"{len(apart)} seeds, standard error {spread:.4f}; each: {', '.join(f'{one:+.4f}' for one in apart)}"
    yield Row("mean score on the CPU", statistics.mean(scores["cpu"]))
    yield Row("mean paired difference of the score, size of", abs(statistics.mean(apart)), at_most=0.01, note=note)
