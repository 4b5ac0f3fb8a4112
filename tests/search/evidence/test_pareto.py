"""The front of two measures."""

import random

from search.evidence.pareto import pareto_front


def test_a_point_is_on_the_front_if_none_is_as_good_in_both_and_better_in_one():
    points = [(0.9, 0.5), (0.8, 0.7), (0.8, 0.6), (0.7, 0.7), (0.6, 0.9), (0.5, 0.4)]
    assert pareto_front(points) == [0, 1, 4]


def test_equal_points_are_all_on_it_and_no_points_have_none():
    assert sorted(pareto_front([(0.5, 0.5), (0.5, 0.5), (0.4, 0.5)])) == [0, 1]
    assert pareto_front([]) == []


def test_it_agrees_with_a_comparison_of_all_pairs():
    draws = random.Random(0)
    points = [(draws.randint(0, 9), draws.randint(0, 9)) for _ in range(60)]
    whole = [
        place
        for place, (a, b) in enumerate(points)
        if not any(c >= a and d >= b and (c, d) != (a, b) for c, d in points)
    ]
    assert sorted(pareto_front(points)) == whole
