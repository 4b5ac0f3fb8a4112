"""Coordinates of a trial's values, and moves between values."""

import numpy as np
import pytest

from search.algorithms.curve_places import MIDDLE, ZERO, moved, places_of
from spaces.ranges import Choice, IntUniform, LogUniform, Uniform, ZeroOr

SPACE = {
    "loss.name": Choice(("afcl", "focal")),
    "loss.gamma": ZeroOr(Uniform(0.5, 10.5)),
    "loss.temperature": LogUniform(0.01, 1.0),
    "representation.batch_size": IntUniform(1, 4),
}
VALUES = {"loss.name": "afcl", "loss.gamma": 5.5, "loss.temperature": 0.1, "representation.batch_size": 1}


def test_a_number_lies_in_its_range_zero_apart_and_each_choice_has_a_coordinate():
    zero = VALUES | {"loss.name": "focal", "loss.gamma": 0.0}
    expected = np.array([[1, 0, 0.5, 0.5, 0.125], [0, 1, ZERO, 0.5, 0.125]])
    assert places_of(SPACE, [VALUES, zero]) == pytest.approx(expected)


def test_a_field_of_another_loss_is_in_the_middle():
    there = {path: value for path, value in VALUES.items() if path != "loss.gamma"}
    assert places_of(SPACE, [there])[0, 2] == MIDDLE
    assert places_of(SPACE, []).shape == (0, 5)


def test_moves_stay_in_the_ranges_reach_every_choice_and_are_small():
    draws = np.random.default_rng(0)
    seen = [moved(SPACE, VALUES, 0.05, draws) for _ in range(400)]
    assert all(range_.contains(one[path]) for one in seen for path, range_ in SPACE.items())
    assert {one["loss.name"] for one in seen} == {"afcl", "focal"}
    assert any(one["loss.gamma"] == 0 for one in seen)
    steps = [one["loss.gamma"] - 5.5 for one in seen if one["loss.gamma"] not in (0, 5.5)]
    assert np.median(np.abs(steps)) < 1.0
    assert any(one == VALUES for one in seen)


def test_the_same_draws_make_the_same_move():
    one, again = (moved(SPACE, VALUES, 0.1, np.random.default_rng(3)) for _ in range(2))
    assert one == again
