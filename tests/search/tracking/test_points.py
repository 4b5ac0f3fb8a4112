"""What a journal's events are to MLflow: one value each, with the step and the time that make it the same again."""

import math

from search.journal.history import History
from search.storage.search_folder import SearchFolder
from search.tracking.points import SEARCH, Point, metric_keys, points_of


def told_events(told):
    """The events of a search that was told by hand, each with the history that has it."""
    from search.journal.log import read_events

    folder, history = SearchFolder(told / "told"), History()
    for event, _ in read_events(folder.journal):
        history.apply(event)
        yield folder, event, history


def test_an_epoch_is_a_value_of_each_metric_and_an_end_the_score_and_the_best_so_far(told):
    for folder, event, history in told_events(told):
        points = list(points_of(event, history, metric_keys(folder)))
        if event["event"] == "result":
            assert len(points) == len(event["metrics"])
            assert {(point.trial, point.step, point.time) for point in points} == {
                (event["trial"], event["epoch"], event["time"])
            }
        elif event["event"] == "end" and event["score"] is not None:
            assert [(point.trial, point.key) for point in points] == [(event["trial"], "score"), (SEARCH, "best_score")]
            assert points[1].value == history.ranked()[0].score
        else:
            assert points == []


def test_a_value_that_is_no_number_is_none(told):
    folder = SearchFolder(told / "told")
    event = {"event": "result", "trial": 0, "epoch": 1, "time": 5, "metrics": {"a": math.nan, "b": math.inf, "c": 1}}
    assert list(points_of(event, History(), metric_keys(folder))) == [Point(0, "c", 1, 1.0, 5)]
