"""The interval of a share."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy.stats import binomtest

from search.evidence.wilson import wilson


@pytest.mark.slow
@given(some.integers(1, 500).flatmap(lambda n: some.tuples(some.integers(0, n), some.just(n))))
def test_the_interval_is_wilsons(counts):
    right, total = counts
    wanted = binomtest(right, total).proportion_ci(0.95, "wilson")
    assert wilson(right / total, total) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


@given(some.floats(0, 1), some.floats(0.5, 1e6))
def test_it_holds_the_share_and_stays_inside_whatever_the_number_of_draws(share, total):
    low, high = wilson(share, total)
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1
