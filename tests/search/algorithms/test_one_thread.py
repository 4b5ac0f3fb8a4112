"""The model of learning curves has one thread for its linear algebra, and leaves the process as it was."""

import numpy as np
import pytest
from scipy import linalg
from threadpoolctl import threadpool_info, threadpool_limits

from search.algorithms import curve_model
from search.algorithms.curve_model import CurveModel, Shown
from search.algorithms.one_thread import one_thread


def threads() -> set[int]:
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


@pytest.fixture
def two():
    """Two threads, as on a machine of two cores."""
    linalg.cholesky(np.eye(2))
    with threadpool_limits(2, user_api="blas"):
        yield


def test_there_is_one_inside_and_as_many_as_before_outside(two):
    with one_thread():
        assert threads() == {1}
    assert threads() == {2}
    with pytest.raises(ZeroDivisionError), one_thread():
        raise ZeroDivisionError
    assert threads() == {2}


def test_the_model_is_fitted_and_predicts_on_one(two, monkeypatch):
    seen = []
    for name in ("cho_solve", "solve_triangular"):  # the first is of the fit, the second of predictions

        def noted(*given, genuine=getattr(curve_model, name), **named):
            seen.append((genuine.__name__, threads()))
            return genuine(*given, **named)

        monkeypatch.setattr(curve_model, name, noted)
    places = np.linspace(0, 1, 8)[:, None]
    model = CurveModel(Shown(places, np.full(8, 6), np.arange(8), 0.7 + places[:, 0] / 10), (2, 6, 16))
    model.predict(places)
    assert {name for name, _ in seen} == {"cho_solve", "solve_triangular"}
    assert all(count == {1} for _, count in seen)
    assert threads() == {2}
