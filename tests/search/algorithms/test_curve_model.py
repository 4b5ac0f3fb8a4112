"""The model of all learning curves: its slopes, what it finds behind noise, and how far epochs are alike."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from search.algorithms.curve_model import UNIT, CurveModel, Shown, hats, matern, quadratic, quadratic_at, squared

KNOTS = (2, 6, 16)


def looks(count: int, seed: int = 0, epochs=KNOTS) -> Shown:
    """Values of a smooth surface at three epochs, the early ones noisier; a third of the trials gets to the end."""
    rng = np.random.default_rng(seed)
    places, at, trials, scores = [], [], [], []
    for trial in range(count):
        place = rng.random(2)
        own = surface(place[None])[0] + 0.005 * rng.standard_normal()
        reached = 3 if trial % 3 == 0 else 1 + trial % 2
        for level, noise in enumerate((0.02, 0.01, 0.004)[:reached]):
            places.append(place)
            at.append(epochs[level])
            trials.append(trial)
            scores.append(own - 0.02 * (2 - level) + noise * rng.standard_normal())
    return Shown(np.array(places), np.array(at), np.array(trials), np.array(scores))


def surface(places: np.ndarray) -> np.ndarray:
    return 0.8 - 0.1 * ((places - 0.6) ** 2).sum(1)


def test_the_gradient_is_that_of_the_loss():
    model = CurveModel(looks(12, epochs=(3, 5, 16)), KNOTS)
    at = model._centres + 0.1 * np.arange(len(model._centres)) / len(model._centres)
    _, told = model._loss(at)
    assert told == pytest.approx(approx_fprime(at, lambda theta: model._loss(theta)[0], 1e-6), rel=1e-3, abs=1e-3)


def test_it_finds_the_surface_behind_noise_and_early_epochs():
    model = CurveModel(looks(90), KNOTS)
    grid = np.random.default_rng(1).random((200, 2))
    mean, deviation = model.predict(grid)
    assert np.corrcoef(mean, surface(grid))[0, 1] > 0.9
    assert np.abs(mean - surface(grid)).mean() < 0.006
    assert (deviation > 0).all()


def test_a_trial_that_runs_makes_its_neighbourhood_better_known_and_moves_no_mean():
    model = CurveModel(looks(20), KNOTS)
    there = np.array([[0.9, 0.1], [0.1, 0.9]])
    mean, deviation = model.predict(there)
    again, after = model.predict(there, running=there[:1])
    assert again == pytest.approx(mean)
    assert after[0] < deviation[0]


def test_its_own_covariance_at_the_end_is_that_of_its_deviation():
    model = CurveModel(looks(6), KNOTS)
    far = np.array([[0.2, 0.9]])
    cross, whole = model._to_shown(far), model._at_end(far, far)[0, 0]
    left = whole - (np.linalg.solve(model._factor, cross[0]) ** 2).sum()
    assert model.predict(far)[1][0] == pytest.approx(UNIT * left**0.5)


def test_a_value_of_a_later_epoch_counts_for_more():
    """Of two trials at one place with the same scores, the finished one moves the expected score further."""
    known = looks(30)
    place = np.array([[0.5, 0.5]])

    def with_one_more(epoch: int) -> float:
        more = Shown(
            np.concatenate([known.places, place]),
            np.append(known.epochs, epoch),
            np.append(known.trials, 99),
            np.append(known.scores, 0.9),
        )
        return float(CurveModel(more, KNOTS, CurveModel(known, KNOTS).theta).predict(place)[0][0])

    assert with_one_more(16) > with_one_more(6) > with_one_more(2)


def test_hyper_parameters_that_are_given_are_not_fitted():
    theta = CurveModel(looks(20), KNOTS).theta
    assert CurveModel(looks(40), KNOTS, theta).theta is theta


def test_an_epoch_between_two_knots_has_a_part_of_both():
    found = hats(np.array([1, 2, 4, 6, 16, 20]), KNOTS)
    assert found.sum(1) == pytest.approx(np.ones(6))
    assert found[[0, 1]].tolist() == [[1, 0, 0], [1, 0, 0]]
    assert found[2] == pytest.approx([np.log(6 / 4) / np.log(3), np.log(2) / np.log(3), 0])
    assert found[[4, 5]].tolist() == [[0, 0, 1], [0, 0, 1]]


def test_kernels_agree_with_their_definitions():
    rng = np.random.default_rng(0)
    one, other = rng.random((5, 3)), rng.random((4, 3))
    assert squared(one, other) == pytest.approx(((one[:, None] - other[None]) ** 2).sum(-1))
    assert np.diag(matern(squared(one, one))) == pytest.approx(np.ones(5))
    assert quadratic_at(one) == pytest.approx(np.diag(quadratic(one, one)))


def test_values_alike_in_one_place_leave_no_error():
    """Ten trials of the same values, as where a grid or a user repeats one: the covariance stays sound."""
    shown = Shown(np.full((10, 2), 0.5), np.full(10, 16), np.arange(10), np.full(10, 0.7))
    mean, _ = CurveModel(shown, KNOTS).predict(np.array([[0.5, 0.5]]))
    assert mean[0] == pytest.approx(0.7, abs=1e-3)
