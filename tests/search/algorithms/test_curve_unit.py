"""The unit of the model of learning curves: .02, or how far the first trials differ where that is far from it."""

import numpy as np
import pytest

from search.algorithms.curve_unit import FAR, UNIT, unit_of
from search.algorithms.startup import CURVES_DRAWS


def drawn(spread: float, count: int = CURVES_DRAWS) -> list[float]:
    return (0.7 + spread * np.random.default_rng(2).standard_normal(count)).tolist()


def of(values: list[float]) -> float:
    return unit_of(values, values)


@pytest.mark.parametrize("spread", [0.01, 0.02, 0.04])
def test_it_is_fixed_where_trials_differ_as_balanced_accuracies_do(spread):
    assert of(drawn(spread)) == UNIT


@pytest.mark.parametrize("spread", [0.0005, 0.002, 0.3, 40.0])
def test_it_is_how_far_the_first_trials_differ_where_that_is_far_from_it(spread):
    assert of(drawn(spread)) == pytest.approx(spread, rel=0.5)


def test_it_grows_with_the_scale_of_the_scores():
    values = np.array(drawn(1.0))
    assert of((values / 1000).tolist()) == pytest.approx(of(values.tolist()) / 1000)
    assert of((values / 1000 + 5).tolist()) == pytest.approx(of(values.tolist()) / 1000)


def test_a_few_wild_values_do_not_move_it():
    assert of([*drawn(0.002)[:-2], 0.0, 0.0]) < UNIT / FAR


def test_it_is_fixed_while_few_trials_are_known():
    assert of(drawn(0.002, CURVES_DRAWS - 1)) == UNIT


def test_trials_that_are_alike_but_for_the_last_bits_do_not_make_it_tiny():
    assert of([0.5] * CURVES_DRAWS) == UNIT
    half = CURVES_DRAWS // 2
    assert of([0.5] * half + [0.5000000000000001] * (CURVES_DRAWS - half)) == UNIT


def test_where_all_are_near_chance_at_the_rung_later_values_say_how_far_trials_differ():
    near_chance = [0.5 + one / 10000 for one in range(CURVES_DRAWS)]
    later = [*near_chance[:-4], 0.55, 0.6, 0.65, 0.7]
    assert unit_of(near_chance, near_chance) < UNIT / FAR
    assert unit_of(near_chance, later) == UNIT
