"""Which fields decide, where enough trials can tell."""

import pytest
from pages import ALL, play

from search.reporting.context import read_view
from search.reporting.importance import importances, measure
from search.storage.search_folder import SearchFolder


@pytest.mark.slow
def test_the_field_that_decides_is_the_most_important(tmp_path):
    view = read_view(play(tmp_path, [*ALL, "search.trials=40"]))
    found = measure(view, view.ranked)
    assert found[0].path == "loss.temperature"
    assert sum(each.share for each in found) == pytest.approx(1)
    assert all(each.low <= each.share <= each.high for each in found)
    assert measure(view, view.ranked) == found


def test_importances_of_too_few_trials_are_refused_in_words(told):
    view = read_view(SearchFolder(told / "told"))
    said = importances(view)
    assert "Too few trials" in said.html
    assert not said.figures


def test_importances_of_trials_that_share_a_score_are_refused_in_words(tmp_path):
    view = read_view(play(tmp_path, [*ALL, "search.trials=12"], worth=lambda trial: 0.9 if trial.number < 2 else 0.5))
    said = importances(view)
    assert "share a score" in said.html
    assert not said.figures
