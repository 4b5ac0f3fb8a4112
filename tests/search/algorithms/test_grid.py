"""The grid over a space: its size and its points."""

import pytest

from search.algorithms.grid import grid_point, grid_size
from spaces.ranges import Choice, Uniform, ZeroOr

SPACE = {"loss.eta": ZeroOr(Uniform(1, 3), 0.25), "seed": Choice((0, 1))}


def test_a_grid_has_every_combination_of_its_axes_values():
    points = [tuple(grid_point(SPACE, 3, number).values()) for number in range(grid_size(SPACE, 3))]
    etas = SPACE["loss.eta"].points(3)
    assert sorted(points) == sorted((eta, seed) for eta in etas for seed in (0, 1))


def test_the_last_path_moves_fastest():
    first, second = grid_point(SPACE, 3, 0), grid_point(SPACE, 3, 1)
    assert first["loss.eta"] == second["loss.eta"]
    assert (first["seed"], second["seed"]) == (0, 1)


@pytest.mark.parametrize("points", [2, 5])
def test_the_size_is_known_without_the_points(points):
    space = {"a": Uniform(0, 1), "b": Uniform(0, 1), "c": Uniform(0, 1)}
    assert grid_size(space, points) == points**3
