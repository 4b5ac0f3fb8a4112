"""How the bench measures: what is compared runs in turns, and what is told is a ratio of medians.

On a shared machine the speed drifts by tens of percent within a minute. Taken in turns, both sides meet the same
drift; the median passes over the odd disturbed run.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

AT_LEAST = 5  # runs of each side, however long one takes
AT_MOST = 200

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


def _spread(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / median


def in_turns(sides: Mapping[str, Callable[[], object]], seconds: float) -> Timings:
    """Run every side once unmeasured, then all in turns for about `seconds`, five times each at least."""
    for run in sides.values():
        run()
    timings: Timings = {name: [] for name in sides}
    end = time.perf_counter() + seconds
    for turn in range(AT_MOST):
        if turn >= AT_LEAST and time.perf_counter() > end:
            break
        for name, run in sides.items():
            started = time.perf_counter()
            run()
            timings[name].append(1000 * (time.perf_counter() - started))
    return timings


def rows_of(topic: str, what: str, timings: Timings) -> Iterator[Row]:
    """The side called "ours" against each of the others."""
    for name, other in timings.items():
        if name != "ours":
            yield Row.of(topic, what, timings["ours"], name, other, "ms")


def peak_mb(run: Callable[[], object]) -> float | None:
    """How far the process's memory rises above where it stood, in MB; None where the system does not tell.

    Linux keeps the highest resident size and lets a process reset it; torch's own counters see no CPU memory, and
    `ru_maxrss` never falls. Exact for what is much larger than a page cache of the allocator: tens of MB and more.
    """
    try:
        Path("/proc/self/clear_refs").write_text("5")
        before = _resident_mb("VmRSS")
        run()
        return _resident_mb("VmHWM") - before
    except OSError:
        return None


def _resident_mb(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


def peaks_in_turns(sides: Mapping[str, Callable[[], object]]) -> dict[str, list[float]] | None:
    """Peak memory of each side, in turns, five times; None where the system does not tell."""
    peaks: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(AT_LEAST):
        for name, run in sides.items():
            peak = peak_mb(run)
            if peak is None:
                return None
            peaks[name].append(peak)
    return peaks


Topic = Callable[[Say], Iterable[Row]]
