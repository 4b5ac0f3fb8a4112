"""What the sections of the GPU check share: the device, its clock, and the data of their trials."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch

from trainers.config import TrialConfig
from trainers.data import Split, TrialData, load
from trainers.data_config import DataConfig
from trainers.parsing import parse

Chosen = TypeVar("Chosen")
DIGITS = {"dataset": "digits", "long_tail": 10, "val_per_class": 60}  # all ten classes, 600 validation images


@dataclass(frozen=True)
class Setting:
    """Where a section works, and whether it only shows that it can."""

    device: torch.device
    quick: bool

    def pick(self, full: Chosen, quick: Chosen) -> Chosen:
        """The one for a real check, or the one for a quick look without a GPU."""
        return quick if self.quick else full

    @property
    def on_gpu(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.type == "cuda"

    def wait(self) -> None:
        """Until the device is through with its work."""
        if self.on_gpu:
            torch.cuda.synchronize(self.device)

    def milliseconds(self, run: Callable[[], object], *, seconds: float = 0.4, at_most: int = 50) -> float:
        """Median time of a run, after one that is not counted."""
        run()
        self.wait()
        taken: list[float] = []
        end = time.perf_counter() + (0.0 if self.quick else seconds)
        while len(taken) < self.pick(3, 1) or (time.perf_counter() < end and len(taken) < at_most):
            started = time.perf_counter()
            run()
            self.wait()
            taken.append(1000 * (time.perf_counter() - started))
        return statistics.median(taken)

    def peak_bytes(self, run: Callable[[], object]) -> int:
        """The height of the allocator over one run, above what was there before; 0 where there is no GPU."""
        if not self.on_gpu:
            run()
            return 0
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(self.device)
        before = torch.cuda.memory_allocated(self.device)
        run()
        self.wait()
        return torch.cuda.max_memory_allocated(self.device) - before


def digits() -> TrialData:
    """scikit-learn's digits, all ten classes with a long tail: real images that every machine has."""
    return load(parse(DataConfig, DIGITS))


def trial(**sections: Mapping[str, Any] | Any) -> TrialConfig:
    """A trial on the digits, with some of its sections' fields given."""
    values: dict[str, Any] = {
        "data": DIGITS,
        "model": {"width": 16},
        "loss": {"eta": 30, "gamma": 1, "temperature": 0.1},
        "representation": {
            "epochs": 8,
            "batch_size": 256,
            "lr": 3e-3,
            "augment": {"crop_scale": 0.8, "flip": 0, "rotation": 10},
        },
        "classifier": {"epochs": 10},
    }
    for name, fields in sections.items():
        values[name] = values.get(name, {}) | fields if isinstance(fields, Mapping) else fields
    return parse(TrialConfig, values)


def generated(images: int, validation: int, shape: tuple[int, int, int], classes: int = 2) -> TrialData:
    """Images that only take time: noise on a class's own pattern, 9 of 10 in the first class."""
    draws = np.random.default_rng(0)
    patterns = draws.integers(0, 100, (classes, *shape))

    def split(size: int) -> Split:
        labels = (np.arange(size) % 10 == 0).astype(np.int64) if classes == 2 else np.arange(size) % classes
        noise = draws.integers(0, 156, (size, *shape))
        return Split((patterns[labels] + noise).astype(np.uint8), labels)

    names = tuple(f"class {number}" for number in range(classes))
    return TrialData(split(images), split(validation), names, "0" * 64, f"{images} generated images")


def quiet(*_: object) -> None:
    """A reporter for whom nothing is of interest."""
