"""How the bench measures: what is compared runs in turns, and what is told is a ratio of medians.

On a shared machine the speed drifts by tens of percent within a minute. Taken in turns, both sides meet the same
drift; the median passes over the odd disturbed run.
"""

import statistics
import tempfile
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, UntypedStorage
from torch.utils._python_dispatch import TorchDispatchMode

OUT = Path(__file__).parents[2] / "results" / "bench"
AT_LEAST = 5  # runs of each side, however long one takes
AT_MOST = 200

Where = torch.device  # the CPU, or a GPU whose work has to be waited for

Say = Callable[[str], None]
Timings = dict[str, list[float]]  # by side, in ms


@dataclass(frozen=True)
class Row:
    """One comparison: medians of `runs` runs of each side, and the first over the second."""

    topic: str
    what: str
    ours: float
    other_name: str
    other: float
    ratio: float
    unit: str
    runs: int
    spread: float  # the wider of both sides' interquartile ranges, as a share of its median

    @classmethod
    def of(cls, topic: str, what: str, ours: Sequence[float], name: str, other: Sequence[float], unit: str) -> "Row":
        first, second = statistics.median(ours), statistics.median(other)
        spread = max(_spread(ours), _spread(other))
        return cls(topic, what, first, name, second, first / second, unit, min(len(ours), len(other)), spread)


@contextmanager
def folder_on_disk() -> Iterator[Path]:
    """A folder for the block, on a real disk: /tmp may be memory, where fsync costs nothing."""
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        yield Path(folder)


_where = Where("cpu")


def compute_on(device: str) -> None:
    """Have loss, augmentation and trials computed on a device from now on, as well as what they are held against."""
    global _where  # one bench, one device
    _where = Where(device)


def where() -> Where:
    """The device to compute on."""
    return _where


def settled(run: Callable[[], object]) -> None:
    """Run, and wait until the device is through with it."""
    run()
    if _where.type == "cuda":
        torch.cuda.synchronize(_where)


def _spread(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / median


def in_turns(
    sides: Mapping[str, Callable[[], object]], seconds: float, *, at_least: int = AT_LEAST, warm: bool = False
) -> Timings:
    """Run every side once unmeasured, unless they are warm, then all in turns for about `seconds`, `at_least` times."""
    for run in sides.values() if not warm else ():
        settled(run)
    timings: Timings = {name: [] for name in sides}
    end = time.perf_counter() + seconds
    for turn in range(AT_MOST):
        if turn >= at_least and time.perf_counter() > end:
            break
        for name, run in sides.items():
            started = time.perf_counter()
            settled(run)
            timings[name].append(1000 * (time.perf_counter() - started))
    return timings


def rows_of(topic: str, what: str, timings: Timings) -> Iterator[Row]:
    """The side called "ours" against each of the others."""
    for name, other in timings.items():
        if name != "ours":
            yield Row.of(topic, what, timings["ours"], name, other, "ms")


def peak_mb(run: Callable[[], object]) -> float:
    """Most memory in tensors made by one run and alive at the same time, in MB: a count, the same at every run.

    It is exact for small batches too, of which a process's resident size tells little, and the same on every system. An
    operation's own scratch memory is not in it: at N = 4096 the resident size rose by 1.1 times as much for the
    published form and by 0.9 times as much for ours.
    """
    with _LivingTensors() as tensors:
        run()
    return tensors.peak / 2**20


def available_mb() -> float:
    """Memory that a process may still take here without swapping, in MB; 0 where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("MemAvailable:"))


class _LivingTensors(TorchDispatchMode):
    """Sees what every operation returns, those of a backward pass included, and when its memory is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._seen: weakref.WeakSet[UntypedStorage] = weakref.WeakSet()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for each in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(each, Tensor) and (memory := each.untyped_storage()) not in self._seen:
                self._seen.add(memory)
                self.now += memory.nbytes()
                weakref.finalize(memory, self._let_go, memory.nbytes())
        self.peak = max(self.peak, self.now)
        return result

    def _let_go(self, size: int) -> None:
        self.now -= size


Topic = Callable[[Say], Iterable[Row]]
