"""Where chance lies, and whether the line of it can be drawn."""

from dataclasses import replace

import plotly.graph_objects as go
import pytest

from search.reporting.chance import chance_level, mark_chance
from search.reporting.context import read_view


@pytest.fixture(scope="module")
def view(played_once):
    return read_view(played_once)


def scored_by(view, metric, classes):
    """The view as of a search by another metric, on such validation images."""
    search = view.spec.search.model_copy(update={"metric": metric})
    about = {"provenance": {"data": {"validation": classes}}}
    return replace(view, spec=view.spec.model_copy(update={"search": search}), about=about)


@pytest.mark.parametrize(
    ("metric", "level"), [("balanced_accuracy", 0.5), ("accuracy", 0.9), ("auroc", 0.5), ("macro_f1", None)]
)
def test_chance_is_that_of_the_metric(metric, level, view):
    assert chance_level(scored_by(view, metric, {"a": 90, "b": 10})) == level


def test_chance_is_unknown_where_the_classes_are(view):
    assert chance_level(scored_by(view, "accuracy", {})) is None


def test_chance_is_a_line_where_it_does_not_flatten_the_values_and_else_a_sentence(view):
    near, far = go.Figure(), go.Figure()
    two = scored_by(view, "balanced_accuracy", {"a": 90, "b": 10})
    assert mark_chance(two, near, [0.6, 0.9, None]) == ""
    assert [shape.y0 for shape in near.layout.shapes] == [0.5]
    assert mark_chance(two, far, [0.80, 0.83]) == " Chance, 0.5, lies below the figure."
    assert not far.layout.shapes
    assert mark_chance(two, far, []) == ""
