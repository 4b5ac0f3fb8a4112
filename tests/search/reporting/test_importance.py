"""Which fields decide, where enough trials can tell."""

import pytest
from pages import ALL, play

from search.reporting import importance
from search.reporting.context import read_view
from search.reporting.importance import Importance, importances, measure
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


@pytest.mark.slow
def test_importances_of_trials_that_share_a_score_are_refused_in_words(tmp_path):
    view = read_view(play(tmp_path, [*ALL, "search.trials=12"], worth=lambda trial: 0.9 if trial.number < 2 else 0.5))
    said = importances(view)
    assert "share a score" in said.html
    assert not said.figures


def test_a_whisker_as_wide_as_the_scale_is_a_sentence(monkeypatch, played_once):
    told = [Importance("loss.eta", 0.6, 0.55, 0.65), Importance("loss.gamma", 0.4, 0.02, 0.98)]
    monkeypatch.setattr(importance, "FEWEST", 2)
    monkeypatch.setattr(importance, "measure", lambda *given: told)
    (shown,) = importances(read_view(played_once)).figures
    assert [list(trace.y) for trace in shown.figure.data] == [["η"], ["γ"]]
    assert [trace.error_x.array is None for trace in shown.figure.data] == [False, True]
    assert shown.caption.endswith("not known: γ (0.02 to 0.98).")
