"""A search's view: what its page in MLflow shows first. tests/browser looks whether MLflow takes it so."""

import json
import zlib
from base64 import b64decode
from types import SimpleNamespace

import pytest

from search.tracking.names import LONGEST_TAG
from search.tracking.views import best_first, shared_view, state_of, view_of

RANGES = {"space.loss.eta.zero_or.loguniform": "[1, 300]", "space.representation.lr.loguniform": "[0.1, 1]"}


def run(tags=None, metrics=None, **params):
    data = SimpleNamespace(tags=tags or {}, params=params, metrics=metrics or {})
    return SimpleNamespace(data=data, info=SimpleNamespace(run_name="a run"))


def parent(**params):
    return run({"afcl.search_id": "abc", "afcl.search": "demo-1"}, **params)


def columns_of(view):
    return [column.split("`")[1] for column in state_of(view)["selectedColumns"]]


def test_the_columns_are_family_state_score_and_what_was_searched():
    view = view_of(parent(**RANGES))
    assert columns_of(view) == [
        *("family", "state", "score"),
        *("loss.eta", "loss.gamma", "loss.temperature", "representation.lr"),
    ]


def test_what_else_was_searched_comes_after_the_loss_and_the_learning_rate():
    params = {
        "space.representation.augment.crop_scale.uniform": "[0, 1]",
        "space.loss.name.choice": "['afcl', 'focal']",
        "space.own_loss.triplet.margin.uniform": "[0, 1]",
    }
    assert columns_of(view_of(parent(**params)))[3:] == [
        *("loss.eta", "loss.gamma", "loss.temperature", "representation.lr"),
        *("own_loss.triplet.margin", "representation.augment.crop_scale"),
    ]


def test_rows_are_the_searchs_trials_alone_and_the_best_stands_first():
    state = state_of(view_of(parent()))
    assert state["searchFilter"] == "tags.`afcl.search_id` = 'abc' and tags.`afcl.trial` != 'search'"
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`score`", False)
    assert set(state["selectedColumns"]) < set(state["columnOrder"]), "else tags fall off the right edge"


def test_charts_are_bars_curves_and_parallel_coordinates_of_the_searchs_metric():
    state = state_of(view_of(parent(**RANGES | {"search.metric": "auroc"})))
    bar, curves, axes = state["compareRunCharts"]
    assert [chart["type"] for chart in (bar, curves, axes)] == ["BAR", "LINE", "PARALLEL"]
    assert bar["metricKey"] == "score"
    assert curves["selectedMetricKeys"] == ["val_auroc"]
    assert axes["selectedParams"][0] == "loss.eta"
    (section,) = state["compareRunSections"]
    assert {chart["metricSectionId"] for chart in (bar, curves, axes)} == {section["uuid"]}


def test_a_view_is_the_same_each_time_it_is_made():
    """A page that was seen is known by it."""
    assert state_of(view_of(parent(**RANGES))) == state_of(view_of(parent(**RANGES)))


@pytest.mark.parametrize("searched", [0, 60])
def test_a_shared_view_fits_a_tag_and_holds_the_state(searched):
    view = view_of(parent())
    view = type(view)(
        view.id, view.title, tuple(f"representation.augment.{n:030}" for n in range(searched)), view.metric
    )
    tag = shared_view(view, at=5)
    assert len(tag) <= LONGEST_TAG
    stored = json.loads(tag)
    assert (stored["name"], stored["createdAt"], stored["updatedAt"]) == ("demo-1", 5, 5)
    state = stored["state"]
    assert state.startswith("deflate;") == (searched > 0)
    if searched:
        state = zlib.decompress(b64decode(state.removeprefix("deflate;")))
    assert json.loads(state) == state_of(view)


def test_runs_are_compared_best_first_and_those_without_the_losss_values_only_among_themselves():
    eta = {"loss.eta": "0"}
    low, high = run(metrics={"score": 0.5}, **eta), run(metrics={"score": 0.7}, **eta)
    other, none = run(metrics={"score": 0.9}), run(**eta)
    assert best_first([low, other, high, none]) == [high, low]
    assert best_first([other, run(metrics={"score": 0.95})])[1] is other
