"""How the score depends on each field, as a section."""

import pytest
from pages import ALL, drawn, play

from search.evidence.partial_dependence import FEWEST
from search.reporting.context import read_view
from search.reporting.dependence import dependences


def test_too_few_trials_are_a_sentence(played_once):
    view = read_view(played_once)
    section = dependences(view)
    assert f"Too few trials have finished within the space to say: {len(view.ranked)}, and {FEWEST}" in section.html
    assert not section.figures


@pytest.mark.slow
def test_each_field_has_a_curve_with_a_band_on_one_scale(tmp_path):
    section = dependences(read_view(play(tmp_path, [*ALL, "search.trials=30"])))
    figures = drawn(section)
    assert list(figures) == ["dependence-loss-eta", "dependence-loss-gamma", "dependence-loss-temperature"]
    assert len({tuple(figure.layout.yaxis.range) for figure in figures.values()}) == 1
    for figure in figures.values():
        low, high, middle = figure.data
        assert high.fill == "tonexty"
        assert all(a <= c + 1e-3 and c <= b + 1e-3 for a, b, c in zip(low.y, high.y, middle.y, strict=True))
