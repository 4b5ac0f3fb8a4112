"""The journal's metric values for MLflow. The same values are delivered, and later compared."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from search.journal.class_measures import class_keys
from search.journal.history import History
from search.journal.log import Event
from search.storage.search_folder import SearchFolder
from search.tracking.names import Keys
from search.tracking.run_format import FORMAT, metric_name, shown_score

SEARCH = -1  # in place of a trial's number: the parent run


class Point(NamedTuple):
    """A value of a metric. If MLflow gets the same value twice, it stores it once."""

    trial: int  # the trial's number, or SEARCH
    key: str
    step: int
    value: float
    time: int  # ms since 1970


def metric_keys(folder: SearchFolder) -> Keys:
    """The keys of a search's metrics. Class names may have any character, so two of them could get the same key."""
    return Keys(class_keys(folder.about()["provenance"]["data"]["validation"]))


def points_of(event: Event, history: History, keys: Keys, format_: int = FORMAT) -> Iterator[Point]:
    """The metric values that an event adds in MLflow. Values that are missing or not finite are left out.

    The end of a trial with a score adds the trial's score, and the best score so far to the search's run.

    Args:
        event: the event.
        history: the search's history, which includes the event.
        keys: the keys of metrics in MLflow.
        format_: the format of the search's runs; see run_format.
    """
    is_older = format_ == 1
    if event["event"] == "result":
        trial = history.trials.get(event["trial"])
        for name, value in event["metrics"].items():
            if value is not None and math.isfinite(value):
                called = name if is_older or trial is None else metric_name(name, trial, event["epoch"])
                yield Point(event["trial"], keys.of(called), event["epoch"], float(value), event["time"])
    if event["event"] == "end" and event["score"] is not None:
        best = history.ranked()[0].score
        assert best is not None, "what is ranked has a score"
        shown = float if is_older else shown_score
        yield Point(event["trial"], "score", event["epoch"] if is_older else 0, shown(event["score"]), event["time"])
        ended = len(history.in_state("finished", "stopped", "failed"))
        yield Point(SEARCH, "best_score", ended, shown(best), event["time"])
