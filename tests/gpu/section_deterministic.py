"""`deterministic: true`: twice the same bits, and the same bits when resumed at each epoch."""

import copy
from collections.abc import Iterator
from typing import Any

import torch
from rows import Row
from setting import Setting, digits, quiet, trial

from trainers.checkpoint import Checkpoint
from trainers.config import TrialConfig
from trainers.data import TrialData
from trainers.pipeline import run_trial

CASES: dict[str, dict[str, Any]] = {
    "small": {},
    "ResNet-18": {"model": {"encoder": "resnet18"}},
    "small, in chunks": {"representation": {"chunk": 150}},
    "small, augmented classifier, sgd": {"representation": {"optimizer": "sgd"}, "classifier": {"augment": True}},
}


def rows(setting: Setting) -> Iterator[Row]:
    """Every weight of the last checkpoint is compared, and the metrics that are no times."""
    data = digits()
    for name, fields in list(CASES.items())[: setting.pick(len(CASES), 1)]:
        stages = {"representation": {"epochs": 3}, "classifier": {"epochs": 2}}
        merged = {key: stages.get(key, {}) | fields.get(key, {}) for key in {*stages, *fields}}
        config = trial(deterministic=True, **merged)
        first, second = _checkpoints(config, data, setting), _checkpoints(config, data, setting)
        yield Row.check(f"{name}: twice, to the bit", _same(first[config.last_epoch], second[config.last_epoch]))
        wrong = [
            epoch
            for epoch in range(1, config.last_epoch)
            if not _same(_checkpoints(config, data, setting, first[epoch])[config.last_epoch], first[config.last_epoch])
        ]
        note = f"differs after epochs {wrong}" if wrong else f"epochs 1 to {config.last_epoch - 1}"
        yield Row.check(f"{name}: resumed at each epoch, to the bit", not wrong, note)


def _checkpoints(
    config: TrialConfig, data: TrialData, setting: Setting, resume: Checkpoint | None = None
) -> dict[int, Checkpoint]:
    saved: dict[int, Checkpoint] = {}

    def save(checkpoint: Checkpoint) -> None:
        saved[checkpoint.epoch] = copy.deepcopy(checkpoint)

    run_trial(config, data, quiet, resume, save=save, device=setting.device)
    return saved


def _same(one: Checkpoint, other: Checkpoint) -> bool:
    def numbers(checkpoint: Checkpoint) -> dict[str, float]:
        times = ("seconds", "images_per_second")
        return {name: value for name, value in checkpoint.metrics.items() if not name.endswith(times)}

    assert one.classifier is not None
    assert other.classifier is not None
    weights = [(one.encoder, other.encoder), (one.classifier, other.classifier)]
    equal = all(torch.equal(ours[name], theirs[name]) for ours, theirs in weights for name in ours)
    return equal and numbers(one) == numbers(other)
