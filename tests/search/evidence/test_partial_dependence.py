"""The dependence of a score on one field."""

import numpy as np
import pytest

from search.evidence.partial_dependence import MOST, POINTS, grid_of, partial_dependence


@pytest.fixture(scope="module")
def found():
    """Of two fields the first decides: a step at a half."""
    values = np.random.default_rng(0).random((60, 2))
    scores = 0.6 + 0.2 * (values[:, 0] > 0.5)
    grids = [[0.1, 0.9], [0.1, 0.9]]
    return values, scores, grids, partial_dependence(values, scores, grids, seed=1)


@pytest.mark.slow
def test_the_field_that_decides_has_a_curve_and_the_other_is_flat(found):
    first, second = found[-1]
    assert first.mean[1] - first.mean[0] == pytest.approx(0.2, abs=0.03)
    assert abs(second.mean[1] - second.mean[0]) < 0.03
    assert first.trials == 60


@pytest.mark.slow
def test_the_band_holds_the_line_and_the_same_seed_gives_the_same(found):
    values, scores, grids, told = found
    for one in told:
        for low, middle, high in zip(one.low, one.mean, one.high, strict=True):
            assert low - 1e-3 <= middle <= high + 1e-3
    assert partial_dependence(values, scores, grids, seed=1) == told


def test_a_grid_has_the_values_if_they_are_few_and_else_even_steps():
    assert grid_of(np.array([0.5, 0.0, 0.5, 1.0])) == [0.0, 0.5, 1.0]
    many = grid_of(np.linspace(0.2, 0.8, 100))
    assert (len(many), many[0], many[-1]) == (POINTS, 0.2, 0.8)


@pytest.mark.slow
def test_very_many_trials_are_thinned():
    values = np.random.default_rng(0).random((MOST + 50, 1))
    (one,) = partial_dependence(values, values[:, 0], [[0.5]], seed=0)
    assert one.trials == MOST
