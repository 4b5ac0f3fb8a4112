"""What a journal's events are to MLflow: one value each, with the step and the time that make it the same again."""

import json
import math

from search.journal.class_measures import class_keys
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
            assert points[0].step == 0, "where MLflow draws a bar"
            assert [point.value for point in points] == [
                round(score, 4) for score in (event["score"], history.ranked()[0].score)
            ]
            older = list(points_of(event, history, metric_keys(folder), 1))
            assert [(point.step, point.value) for point in older] == [
                (event["epoch"], event["score"]),
                (points[1].step, history.ranked()[0].score),
            ]
        else:
            assert points == []


def test_every_measure_of_classes_whose_names_would_meet_keeps_a_key_of_its_own(told):
    folder = SearchFolder(told / "told")
    about = json.loads((folder.path / "search.json").read_text())
    about["provenance"]["data"]["validation"] = {"a:1": 40, "a_1": 40, "A_1": 40}
    (folder.path / "search.json").write_text(json.dumps(about))
    names = list(class_keys(["a:1", "a_1", "A_1"]))
    keys = [metric_keys(folder).of(name) for name in reversed(names)]  # a key stands whichever is asked for first
    assert keys == [metric_keys(folder).of(name) for name in names][::-1]
    assert len({key.casefold() for key in keys}) == len(names) == 30


def test_a_value_that_is_no_number_is_none(told):
    folder = SearchFolder(told / "told")
    event = {"event": "result", "trial": 0, "epoch": 1, "time": 5, "metrics": {"a": math.nan, "b": math.inf, "c": 1}}
    assert list(points_of(event, History(), metric_keys(folder))) == [Point(0, "c", 1, 1.0, 5)]


def test_what_each_stage_measures_of_its_training_has_a_name_of_its_own(told):
    folder = SearchFolder(told / "told")
    history = folder.history()
    epochs = folder.spec().representation.epochs
    event = {"event": "result", "trial": 0, "epoch": epochs, "time": 5, "metrics": {"images_per_second": 200.0}}
    name = {
        (format_, epoch): point.key
        for format_ in (1, 2)
        for epoch in (epochs, epochs + 1)
        for point in points_of(event | {"epoch": epoch}, history, metric_keys(folder), format_)
    }
    assert name[2, epochs] != name[2, epochs + 1]
    assert name[1, epochs] == name[1, epochs + 1] == "images_per_second"
