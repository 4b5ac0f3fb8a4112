"""The grid over a space: its size, its points, and which of them a search tries that has not enough trials for all."""

from itertools import islice

import numpy as np
import pytest

from search.algorithms.grid import grid_points, grid_size
from spaces.ranges import Choice, LogUniform, Uniform, ZeroOr

SPACE = {"loss.eta": ZeroOr(Uniform(1, 3), 0.25), "seed": Choice((0, 1))}
CUBE = {"a": Uniform(0, 1), "b": Uniform(0, 1), "c": Uniform(0, 1)}


def places(space, points, trials, seed=0):
    return [tuple(point.values()) for point in islice(grid_points(space, points, trials, seed), trials)]


def test_a_grid_has_every_combination_of_its_axes_values():
    etas = SPACE["loss.eta"].points(3)
    assert sorted(places(SPACE, 3, 100)) == sorted((eta, seed) for eta in etas for seed in (0, 1))


def test_the_last_path_of_a_whole_grid_moves_fastest():
    first, second = islice(grid_points(SPACE, 3, 100, 0), 2)
    assert first["loss.eta"] == second["loss.eta"]
    assert (first["seed"], second["seed"]) == (0, 1)


@pytest.mark.parametrize("points", [2, 5])
def test_the_size_is_known_without_the_points(points):
    assert grid_size(CUBE, points) == points**3


@pytest.mark.parametrize("seed", range(10))
def test_a_grid_that_is_cut_fills_the_space(seed):
    """The first 24 of 625 points in the old order had one value of the first field, and one of the second."""
    space = {"loss.eta": ZeroOr(LogUniform(1, 300)), **CUBE}
    tried = places(space, 5, 24, seed)
    assert len(set(tried)) == 24
    for axis, range_ in enumerate(space.values()):
        counts = [sum(place[axis] == value for place in tried) for value in range_.points(5)]
        assert min(counts) >= 2, counts


def test_another_seed_tries_another_part():
    assert places(CUBE, 5, 10, seed=0) == places(CUBE, 5, 10, seed=0)
    assert set(places(CUBE, 5, 10, seed=0)) != set(places(CUBE, 5, 10, seed=1))


def test_what_is_left_of_a_cut_grid_comes_after_it_each_point_once():
    every = [tuple(point.values()) for point in grid_points(CUBE, 5, 10, 3)]
    assert every[:10] == places(CUBE, 5, 10, 3)
    assert len(every) == len(set(every)) == grid_size(CUBE, 5)


def test_a_cut_grid_covers_better_than_a_random_part_of_it():
    """The share of the grid within one step of a tried point, for 27 of 729 points."""
    space = {name: Uniform(0, 1) for name in "abc"}
    grid = np.array([tuple(point.values()) for point in grid_points(space, 9, 10**6, 0)])

    def covered(tried):
        gaps = np.abs(grid[:, None] - np.array(tried)[None]).max(2)
        return float((gaps.min(1) <= 0.13).mean())

    ours = np.mean([covered(places(space, 9, 27, seed)) for seed in range(5)])
    random = np.mean([covered(np.random.default_rng(s).permutation(grid)[:27]) for s in range(5)])
    assert ours > random
