"""The paired differences on the test split."""

import pytest
from pages import confirm

from search.evidence.evidence import read_evidence
from search.reporting.context import read_view
from search.reporting.forest import forest


def shown(folder, scores):
    confirm(folder, caveats=(), scores=scores)
    return forest(read_view(folder), read_evidence(folder))


def test_a_row_is_the_best_minus_another_with_every_seeds_difference(played):
    figure = shown(played, {"CL": {1: 0.7, 2: 0.71, 3: 0.72}, "AFCL": {1: 0.8, 2: 0.82, 3: 0.81}})
    dots, mean = figure.figure.data
    assert list(dots.x) == [0.1, 0.11, 0.09]
    assert set(dots.y) == set(mean.y) == {"AFCL − CL"}
    assert mean.x[0] == pytest.approx(0.1)
    assert mean.error_x.array[0] == pytest.approx(mean.error_x.arrayminus[0])
    assert mean.marker.symbol == "diamond-open", "three seeds distinguish nothing"
    assert "the mean of 3 seeds" in figure.caption
    assert "95 % interval" in figure.caption


def test_an_interval_as_wide_as_the_scale_is_a_sentence_and_one_loss_has_no_plot(played):
    figure = shown(played, {"CL": {1: 0.1, 2: 0.9}, "AFCL": {1: 0.8, 2: 0.82}})
    assert figure.figure.data[1].error_x.array is None
    assert "not drawn: AFCL − CL (-1.00 to +1.00)." in figure.caption
    assert shown(played, {"AFCL": {1: 0.8, 2: 0.82}}) is None
