"""What a report knows of a search."""

import math

import pytest

from search.reporting.context import read_view
from search.reporting.leaderboard import leaderboard


def test_each_score_has_the_error_that_its_recalls_give(played):
    view = read_view(played)
    best = view.ranked[0]
    smoothed = (best.score * 40 + 1) / 42
    expected = math.sqrt(smoothed * (1 - smoothed) / 40 / 3)
    assert view.error_of(best) == pytest.approx(expected)
    assert f" ± {expected:.4f}</td>" in leaderboard(view).html
    assert view.error_of(view.history.in_state("stopped")[0]) is None
