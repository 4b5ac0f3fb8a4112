"""Bounds of a t that looks several times, against tables, scipy and simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from search.evidence.group_sequential import bounds, obrien_fleming, pocock


def shares(looks: tuple[int, ...]) -> tuple[float, ...]:
    return tuple(n / looks[-1] for n in looks)


@pytest.mark.parametrize("alpha", [0.05, 0.005])
@pytest.mark.parametrize("n", [10, 30, 200])
def test_a_single_look_is_the_t_test(n, alpha):
    for spending in (obrien_fleming, pocock):
        (bound,) = bounds((n,), (1.0,), alpha, spending)
        assert bound == pytest.approx(stats.t.ppf(1 - alpha / 2, n - 1), rel=1e-6)


def test_with_very_many_seeds_they_are_the_published_bounds_of_a_known_spread():
    """Five equal looks at 5 %, two-sided: the values that tables of Lan and DeMets' spending functions give."""
    looks = (20_000, 40_000, 60_000, 80_000, 100_000)
    assert bounds(looks, shares(looks), 0.05, obrien_fleming) == pytest.approx(
        (4.877, 3.357, 2.680, 2.290, 2.031), abs=0.003
    )
    assert bounds(looks, shares(looks), 0.05, pocock) == pytest.approx((2.438, 2.427, 2.410, 2.397, 2.386), abs=0.002)


@pytest.mark.parametrize("spending", [obrien_fleming, pocock])
def test_all_of_alpha_is_spent_at_the_end_and_none_is_beyond_it(spending):
    assert spending(1.0, 0.05) == pytest.approx(0.05)
    assert spending(1.2, 0.05) == pytest.approx(0.05)
    spent = [spending(share, 0.05) for share in np.linspace(0.01, 1, 50)]
    assert spent == sorted(spent)


def test_obrien_and_flemings_spending_is_its_formula():
    z = stats.norm.ppf(1 - 0.05 / 4)
    assert obrien_fleming(0.4, 0.05) == pytest.approx(2 * 2 * stats.norm.sf(z / math.sqrt(0.4)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("looks", "alpha"), [((10, 15, 20, 25, 30), 0.05), pytest.param((11, 14, 25), 0.05 / 6, marks=pytest.mark.slow)]
)
def test_the_chance_of_passing_by_each_look_is_what_was_to_be_spent(looks, alpha):
    """At few seeds, where bounds of a known spread would pass twice as often."""
    runs, rng = 100_000, np.random.default_rng(1)
    x = rng.standard_normal((runs, looks[-1]))
    for spending in (obrien_fleming, pocock):
        passed = np.zeros(runs, dtype=bool)
        for n, share, bound in zip(looks, shares(looks), bounds(looks, shares(looks), alpha, spending), strict=True):
            t = x[:, :n].mean(1) / x[:, :n].std(1, ddof=1) * math.sqrt(n)
            passed |= np.abs(t) > bound
            wanted = spending(share, alpha)
            assert passed.mean() == pytest.approx(wanted, abs=4 * math.sqrt(wanted / runs) + 1e-9)


def test_a_look_that_spends_nothing_ends_nothing():
    first, *_ = bounds((10, 1000), (0.01, 1.0), 0.005, obrien_fleming)
    assert first == math.inf
    _, last = bounds((10, 1000), (0.01, 1.0), 0.005, obrien_fleming)
    assert last == pytest.approx(stats.t.ppf(1 - 0.0025, 999), rel=1e-4)


def test_later_looks_do_not_change_earlier_bounds():
    whole = bounds((10, 15, 20), (1 / 3, 1 / 2, 2 / 3), 0.01, obrien_fleming)
    assert bounds((10, 15), (1 / 3, 1 / 2), 0.01, obrien_fleming) == whole[:2]
