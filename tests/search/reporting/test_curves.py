"""The learning curves: which line is strong, which is faint, and what the legend says."""

import pytest
from pages import ALL, drawn, play

from search.reporting.context import read_view
from search.reporting.curves import learning_curves


@pytest.fixture(scope="module")
def curves(played_once):
    view = read_view(played_once)
    return view, learning_curves(view)


@pytest.mark.slow
def test_learning_curves_mark_rungs_stops_and_the_classifier(curves):
    view, section = curves
    figure = drawn(section)["learning-curves"]
    assert [note.text for note in figure.layout.annotations][:2] == [
        "rung,<br>epoch 1",  # that of epoch 2 would touch it, and that of epoch 4 the next
        "classifier",
    ]
    assert [shape.x0 for shape in figure.layout.shapes][:3] == [1, 2, 4]
    assert figure.layout.xaxis.dtick == 1, "there is no epoch 1.5"
    stops = [x for trace in figure.data if trace.hoverinfo == "skip" for x in trace.x if x is not None]
    assert sorted(stops) == sorted(trial.epoch for trial in view.history.in_state("stopped"))
    assert "rungs, at epochs 1, 2 and 4" in section.figures[0].caption


def test_the_best_is_strong_on_top_and_what_was_stopped_is_faint(curves):
    view, section = curves
    lines = [trace for trace in drawn(section)["learning-curves"].data if trace.hovertemplate]
    assert f"trial {view.ranked[0].number}," in lines[-1].hovertemplate
    assert lines[-1].line.width == max(line.line.width for line in lines) > 4
    for line in lines:
        assert (line.opacity < 0.4) == ("<br>stopped at" in line.hovertemplate)
        assert (line.line.dash == "dash") == (" baseline<br>" in line.hovertemplate)


@pytest.mark.slow
def test_the_legend_has_a_line_for_each_family_and_a_cross_only_where_one_was_stopped(curves, tmp_path):
    def legend(section):
        return {trace.name: trace.mode for trace in drawn(section)["learning-curves"].data if trace.showlegend is None}

    _view, section = curves
    assert legend(section).pop("stopped") == "markers"
    assert {mode for name, mode in legend(section).items() if name != "stopped"} == {"lines"}
    whole = read_view(play(tmp_path, [*ALL, "search.trials=3", "search.baselines=[CL]"]))
    assert "stopped" not in legend(learning_curves(whole))
    assert "×" not in learning_curves(whole).figures[0].caption
