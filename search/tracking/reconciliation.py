"""Compare the journal with MLflow: every run, and every value of every metric at every epoch."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from search.tracking.points import SEARCH, Point
from search.tracking.refusals import listed

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

AT_ONCE = 8  # requests to the server at the same time


def found_points(
    client: "MlflowClient", runs: "Mapping[int, Run]", wanted: Iterable[Point], *, at_once: int = AT_ONCE
) -> list[Point]:
    """All values that MLflow has of the metrics in `wanted`.

    Args:
        client: the store's client.
        runs: the runs of the search and its trials, by trial number or SEARCH.
        wanted: the journal's values.
        at_once: how many requests are made at the same time.
    """
    keys: defaultdict[int, set[str]] = defaultdict(set)
    for point in wanted:
        keys[point.trial].add(point.key)
    there = [
        (number, run.info.run_id, key)
        for number, run in runs.items()
        for key in sorted(keys[number].intersection(run.data.metrics))
    ]

    def history(one: tuple[int, str, str]) -> list[Point]:
        number, run, key = one
        return [Point(number, key, m.step, m.value, m.timestamp) for m in client.get_metric_history(run, key)]

    with ThreadPoolExecutor(at_once) as pool:
        return [point for of_one in pool.map(history, there) for point in of_one]


def differences(wanted: set[Point], found: list[Point]) -> Iterator[str]:
    """How MLflow's values (`found`) differ from the journal's (`wanted`), in words.

    A trial has at most two lines: one for values that MLflow lacks, one for values that only MLflow has.
    """
    there = set(found)
    for trial in sorted({point.trial for point in wanted ^ there}):
        name = "the search" if trial == SEARCH else f"trial {trial}"
        lacks = sorted(point for point in wanted - there if point.trial == trial)
        more = sorted(point for point in there - wanted if point.trial == trial)
        if lacks:
            every = sum(point.trial == trial for point in wanted)
            yield f"{name}: MLflow lacks {len(lacks)} of {every} values ({_shown(lacks)})"
        if more:
            yield f"{name}: MLflow has {len(more)} values that the journal does not have ({_shown(more)})"


def _shown(points: list[Point]) -> str:
    return listed(f"{point.key} at {point.step}" for point in points)
