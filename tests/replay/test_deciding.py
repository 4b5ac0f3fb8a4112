"""Random searches over arrays of values, by which `search.decide_by` is judged (deciding.py)."""

import numpy as np
import pytest
from deciding import FOLDED, FOLDS, SEARCH, Curves, folded, played, search


def test_values_that_are_the_truth_find_the_best_and_stop_it_never():
    truth = np.random.default_rng(0).permutation(SEARCH) / SEARCH
    found = search(np.stack([truth] * 3), truth)
    assert (found.regret, found.false_stop) == (0, False)


def test_values_against_the_truth_stop_the_best_and_rank_the_worst_first():
    truth = np.array([0.1, *np.linspace(0.2, 0.9, SEARCH - 1)])  # the worst comes first, and nobody passes its value
    found = search(np.stack([-truth] * 3), truth)
    assert found.false_stop
    assert found.regret == pytest.approx(0.8)


def test_all_values_and_arms_see_the_same_searches():
    """Where every value is the same number, and every cell, so is every mean."""
    draws = np.random.default_rng(1)
    values, truth = draws.random((3, 20, 1)).repeat(6, axis=2), draws.random((20, 1)).repeat(6, axis=1)
    curves = Curves(dict.fromkeys(["metric", "auroc", "balanced_log_loss", "soft_balanced_accuracy"], values), truth)
    found = played(curves, range(20), np.random.default_rng(2), 30)
    assert np.ptp(found.reshape(-1, 2), axis=0) == pytest.approx([0, 0])
    assert found[0, 0, 0] > 0


def test_folds_take_noise_away_and_configurations_too():
    """Without noise a trial in one cell is best, as it tries more; where the cells' noise is all, folds see better."""
    draws = np.random.default_rng(3)
    quality = draws.random((30, 1))
    clear = Curves(dict.fromkeys(FOLDED, np.stack([quality.repeat(6, axis=1)] * 3)), quality.repeat(6, axis=1))
    regrets = folded(clear, range(30), np.random.default_rng(4), 100)
    assert regrets[0] == pytest.approx(0)
    assert (regrets[0] < regrets[1]).all()
    assert (regrets[1] < regrets[2]).all()
    few = np.where(np.arange(30)[:, None] < 15, 0.0, 1.0).repeat(6, axis=1)
    noisy = Curves(dict.fromkeys(FOLDED, np.stack([few + 2 * draws.standard_normal((30, 6))] * 3)), few)
    one, _, three = folded(noisy, range(30), np.random.default_rng(5), 400).mean(axis=1)
    assert len(FOLDS) == 3
    assert three < one
