"""The front of balanced and overall accuracy."""

from dataclasses import replace

from pages import drawn

from search.reporting.context import read_view
from search.reporting.two_measures import two_measures


def with_accuracies(view, classes, slope=-0.1):
    """The view as of a search that reported overall accuracy as well, as the score times `slope`."""
    for trial in view.history.in_state("finished"):
        trial.epochs[trial.epoch]["val_accuracy"] = 0.9 + slope * trial.score
    return replace(view, about={"provenance": {"data": {"validation": classes}}})


def test_the_front_and_every_finished_trial_are_drawn(played):
    view = with_accuracies(read_view(played), {"a": 90, "b": 10})
    section = two_measures(view)
    line, *families = drawn(section)["two-measures"].data
    assert len(line.x) == len(view.ranked), "each trial is better in one measure than every other"
    assert sum(len(trace.x) for trace in families) == len(view.ranked)
    assert f"one of {len(view.ranked)} finished trials" in section.figures[0].caption


def test_the_two_are_one_where_classes_are_as_large_and_untold_where_one_was_not_measured(played):
    assert two_measures(read_view(played)) is None
    said = two_measures(with_accuracies(read_view(played), {"a": 40, "b": 40}))
    assert "the two are the same" in said.html
    assert not said.figures


def test_where_one_trial_is_best_in_both_there_is_no_line(played):
    view = with_accuracies(read_view(played), {"a": 90, "b": 10}, slope=0.1)
    section = two_measures(view)
    assert "front" not in {trace.name for trace in drawn(section)["two-measures"].data}
    best = max(view.ranked, key=lambda trial: trial.epochs[trial.epoch]["val_accuracy"])
    assert f"Trial {best.number} is best in both measures." in section.figures[0].caption
