"""The unit of the model of learning curves: .02, or the spread of the first trials where it is far from that."""

import numpy as np
import pytest

from search.algorithms.curve_unit import FAR, UNIT, FirstValues, unit_of
from search.algorithms.startup import CURVES_DRAWS

RUNG = 6


def drawn(spread: float, count: int = CURVES_DRAWS) -> list[float]:
    return (0.7 + spread * np.random.default_rng(2).standard_normal(count)).tolist()


def of(values: list[float], places: list[int] | None = None) -> FirstValues:
    first = FirstValues(RUNG)
    for place, value in zip(places or range(len(values)), values, strict=True):
        first.add(place, {1: 0.5, RUNG: value})
    return first


@pytest.mark.parametrize("spread", [0.01, 0.02, 0.04])
def test_it_is_fixed_where_trials_differ_as_balanced_accuracies_do(spread):
    assert of(drawn(spread)).unit == UNIT


@pytest.mark.parametrize("spread", [0.0005, 0.002, 0.3, 40.0])
def test_it_is_how_far_the_first_trials_differ_where_that_is_far_from_it(spread):
    assert of(drawn(spread)).unit == pytest.approx(spread, rel=0.5)


def test_it_grows_with_the_scale_of_the_scores():
    values = np.array(drawn(1.0))
    assert unit_of(values / 1000) == pytest.approx(unit_of(values) / 1000)
    assert unit_of(values / 1000 + 5) == pytest.approx(unit_of(values) / 1000)


def test_a_few_wild_values_do_not_move_it():
    values = drawn(0.002)
    assert of([*values[:-2], 0.0, 0.0]).unit < UNIT / FAR


def test_it_is_fixed_while_few_trials_are_known_and_where_all_are_alike():
    assert of(drawn(0.002, CURVES_DRAWS - 1)).unit == UNIT
    assert unit_of([0.5] * CURVES_DRAWS) == UNIT


def test_it_depends_on_the_first_trials_in_whatever_order_they_came():
    """So a resumed search, which is told of all trials at once, has the same unit as the one that was killed."""
    values = drawn(0.002, 20)
    first = of(values)
    assert first.unit == of(values[:CURVES_DRAWS]).unit
    assert first.unit == of(values[::-1], list(range(20))[::-1]).unit


def test_trials_that_have_not_come_to_the_rung_do_not_count():
    first = of(drawn(0.002))
    before = first.unit
    first.add(-1, {1: 0.9, 5: 0.9})
    assert first.unit == before
