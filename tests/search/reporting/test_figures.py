"""The figures of the trials: curves, lines across fields, maps."""

from pages import drawn

from search.reporting.context import read_view
from search.reporting.figures import learning_curves, maps, parallel_coordinates


def test_learning_curves_mark_rungs_stops_and_the_classifier(played):
    view = read_view(played)
    curves = drawn(learning_curves(view))["learning-curves"]
    assert [note.text for note in curves.layout.annotations] == [
        *("rung, epoch 1", "rung, epoch 2", "rung, epoch 4"),
        "classifier",
    ]
    stops = [x for trace in curves.data if not trace.hovertemplate for x in trace.x if x is not None]
    assert sorted(stops) == sorted(trial.epoch for trial in view.history.in_state("stopped"))
    widths = {("baseline" in trace.hovertemplate): trace.line.width for trace in curves.data if trace.mode == "lines"}
    assert widths[True] > widths[False]


def test_parallel_coordinates_put_stopped_trials_and_zero_apart(played):
    view = read_view(played)
    (lines,) = drawn(parallel_coordinates(view))["parallel-coordinates"].data
    shown = view.history.in_state("finished", "stopped")
    score = lines.dimensions[-1]
    assert [d.label for d in lines.dimensions] == ["η (log)", "γ", "τ (log)", "score"]
    for trial, height in zip(shown, score["values"], strict=True):
        assert (height < 0.2) == (trial.state == "stopped")
    assert max(score["values"]) == 1.0
    eta, share = lines.dimensions[0], view.spec.space["loss.eta"].share
    for trial, place in zip(shown, eta["values"], strict=True):
        assert (place < share) == (trial.values["loss.eta"] == 0)
    assert eta.ticktext[0] == "0"
    assert eta.ticktext[-1] == "300"


def test_only_finished_trials_are_coloured_by_score_on_the_map(played):
    view = read_view(played)
    map_ = drawn(maps(view))["map-eta-temperature"]
    by_name = {trace.name: trace for trace in map_.data}
    assert len(by_name["finished"].x) == len(view.ranked)
    assert list(by_name["finished"].marker.color) == [trial.score for trial in view.ranked[::-1]]
    assert isinstance(by_name["stopped"].marker.color, str)
