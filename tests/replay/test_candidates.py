"""Candidates for a better search: the model of all curves, promotion by it, and the choice at the end."""

import math

import numpy as np
import pytest
from candidates.curve_model import UNIT, CurveModel
from candidates.promotion import REDUCTION, RUNGS, Promotion, chosen, model_of
from curves import EPOCHS, Generator
from peers.loop import Row, drive
from scipy.optimize import approx_fprime


def looks(count: int, seed: int = 0):
    """Values of a smooth surface at three levels, the early ones noisier; a third of the trials reaches the end."""
    rng = np.random.default_rng(seed)
    found = []
    for trial in range(count):
        place = rng.random(2)
        truth = 0.8 - 0.1 * ((place - 0.6) ** 2).sum()
        own = 0.005 * rng.standard_normal()
        for level, noise in enumerate((0.02, 0.01, 0.004)[: 3 if trial % 3 == 0 else 1 + trial % 2]):
            found.append((list(place), level, trial, truth - 0.02 * (2 - level) + own + noise * rng.standard_normal()))
    return found


def test_the_gradient_is_that_of_the_loss():
    model = model_of(looks(12))
    at = model._centres + 0.1 * np.arange(len(model._centres)) / len(model._centres)
    _, told = model._loss(at)
    assert told == pytest.approx(approx_fprime(at, lambda theta: model._loss(theta)[0], 1e-6), rel=1e-3, abs=1e-3)


def test_the_model_finds_the_surface_behind_noise_and_levels():
    model = model_of(looks(120))
    grid = np.random.default_rng(1).random((200, 2))
    truth = 0.8 - 0.1 * ((grid - 0.6) ** 2).sum(1)
    mean, deviation = model.predict(grid)
    assert np.corrcoef(mean, truth)[0, 1] > 0.9
    assert np.abs(mean - truth).mean() < 0.006
    assert (deviation > 0).all()


def test_a_trial_that_runs_makes_its_neighbourhood_better_known_and_moves_no_mean():
    model = model_of(looks(20))
    there = np.array([[0.9, 0.1], [0.1, 0.9]])
    mean, deviation = model.predict(there)
    again, after = model.predict(there, pending=there[:1])
    assert again == pytest.approx(mean)
    assert after[0] < deviation[0]


def test_one_level_is_an_ordinary_process():
    places = np.linspace(0, 1, 40)[:, None]
    scores = 0.7 + 0.1 * np.sin(3 * places[:, 0])
    zeros = np.zeros(40, dtype=np.int64)
    mean, _ = CurveModel(places, zeros, np.arange(40), scores).predict(places)
    assert mean == pytest.approx(scores, abs=UNIT)


@pytest.mark.slow
@pytest.mark.parametrize("slots", [1, 8])
def test_a_third_of_each_rung_goes_on_and_the_same_seed_gives_the_same_search(slots):
    rows, again = (drive(Promotion(curves, 3), curves, slots=slots, most_epochs=120) for curves in _twice())
    assert rows == again
    assert len(rows) == 120
    for low, high in zip(RUNGS, (*RUNGS[1:], EPOCHS), strict=True):
        came = {row.number for row in rows if row.epoch == low}
        went = {row.number for row in rows if row.epoch > low}
        assert len(went) <= math.ceil(len(came) / REDUCTION)
        assert not went - came, "nobody skips a rung"
        assert high > low


def _twice():
    return (Generator(3, "900:100") for _ in range(2))


def test_the_choice_is_a_finished_trial_that_its_neighbours_speak_for():
    """Two equal scores: one among good neighbours, one among bad ones."""
    good, bad = (
        {"loss.eta": 0.0, "loss.gamma": 0.0, "loss.temperature": t, "representation.lr": 3e-3} for t in (0.3, 0.05)
    )
    rows = []
    for number in range(12):
        around = good if number % 2 == 0 else bad
        values = around | {"representation.lr": 3e-3 * (1 + number / 100)}
        score = 0.8 if number < 2 else 0.79 if number % 2 == 0 else 0.7
        rows += [Row(number, values, epoch, score, 0.0, 0) for epoch in (*RUNGS, EPOCHS)]
    assert chosen(rows, (*RUNGS, EPOCHS))["loss.temperature"] == 0.3
    assert chosen([row for row in rows if row.epoch < EPOCHS], (*RUNGS, EPOCHS)) is None
