"""Measures of a confirmation's runs on the test split, summarised over seeds, for each candidate."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

import numpy as np

from search.journal.class_measures import SPLITS, by_split
from search.journal.history import Trial
from trainers.config import CALIBRATION_ERROR

OVERALL = ("macro_f1", "auroc", CALIBRATION_ERROR)  # reported besides the accuracies, which have verdicts


@dataclass(frozen=True)
class Spread:
    """The mean and the standard deviation of one measure over seeds."""

    mean: float
    deviation: float | None  # standard deviation from seed to seed; None for one seed
    seeds: int  # how many seeds have a value: precision has none if the class was never predicted


@dataclass(frozen=True)
class Measured:
    """The measures of a candidate's classifiers on the test split, over its seeds."""

    overall: dict[str, Spread]  # by measure
    classes: dict[str, dict[str, Spread]]  # by class, then by measure
    class_names: tuple[str, ...]
    runs: int  # how many runs, one for each seed, are added up in the confusion matrix
    confusion: list[list[int]]  # a row for each true class, a column for each predicted class


def measured_in(runs: Sequence[tuple[Trial, dict[str, Any] | None]]) -> Measured | None:
    """Summarise one candidate's finished runs. Runs of older versions, which lack these measures, are left out.

    Args:
        runs: each finished run, with the content of its result file; None if it has no such file.

    Returns:
        None if no run is left.
    """
    told = [(trial.epochs[trial.epoch], result) for trial, result in runs if result is not None]
    told = [(metrics, result) for metrics, result in told if SPLITS["test"] in by_split(metrics)]
    if not told:
        return None
    last, left = [metrics for metrics, _ in told], [result for _, result in told]
    tests = [by_split(metrics)[SPLITS["test"]] for metrics in last]
    names = tuple(left[0]["class_names"])
    classes = {
        name: {
            measure: _over(test.get(name, {}).get(measure) for test in tests)
            for measure in dict.fromkeys(measure for test in tests for measure in test.get(name, {}))
        }
        for name in names
    }
    shared = [name for name in OVERALL if any(f"test_{name}" in metrics for metrics in last)]
    overall = {name: _over(metrics.get(f"test_{name}") for metrics in last) for name in shared}
    confusion = np.sum([result["test"]["confusion"] for result in left], axis=0)
    return Measured(overall, classes, names, len(left), confusion.tolist())


def _over(values: Iterable[float | None]) -> Spread:
    there = [value for value in values if value is not None]
    return Spread(mean(there), stdev(there) if len(there) > 1 else None, len(there))
