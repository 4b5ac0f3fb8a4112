"""A store that refuses single things gets the rest; test_refusals.py has real servers do so."""

import pytest
from lazy import Lazy

from search.tracking.refusals import Refusals
from search.tracking.taking import Taker

mlflow = Lazy("mlflow")


class Picky:
    """A store that takes no metric of some keys, and no parameter longer than `longest`."""

    def __init__(self, refused=(), longest=10**6) -> None:
        self.refused, self.longest = set(refused), longest
        self.metrics, self.params, self.calls = [], [], 0

    def log_batch(self, run, metrics=(), params=()):
        self.calls += 1
        if any(one.key in self.refused for one in metrics) or any(len(one.value) > self.longest for one in params):
            raise mlflow.exceptions.MlflowException("not this one", 1000)  # INVALID_PARAMETER_VALUE
        self.metrics += metrics
        self.params += params

    def search_experiments(self, **more):
        return []


def taker(store, refusals=None):
    kept = Refusals("afcl sync mine") if refusals is None else refusals  # empty ones are falsy
    return Taker(store, kept, lambda: None, lambda seconds: None)


def values(*keys):
    return [mlflow.entities.Metric(key, 0.5, 9, step) for step in range(1, 9) for key in keys]


def test_what_a_store_refuses_of_a_batch_is_set_aside_and_the_rest_arrives_once():
    store, refusals = Picky(refused=["b"]), Refusals("afcl sync mine")
    one = taker(store, refusals)
    one.log_metrics("run", values("a", "b", "c"))
    assert sorted((m.key, m.step) for m in store.metrics) == [(key, step) for key in "ac" for step in range(1, 9)]
    assert one.set_aside == {("run", "b", step) for step in range(1, 9)}
    assert not one.lacks_more, "values are brought by the next sync's comparison"
    (line,) = refusals.in_words()
    assert "MLflow did not take 8 values, among them b of run at 1" in line
    assert "`afcl sync mine` tries again" in line


def test_a_metric_of_which_nothing_is_ever_taken_costs_few_calls():
    store = Picky(refused=["b"])
    one = taker(store)
    for _ in range(4):
        one.log_metrics("run", values("b"))
    before = store.calls
    one.log_metrics("run", values("b"))
    assert store.calls == before + 1


def test_a_parameter_that_is_too_long_is_shortened():
    store = Picky(longest=250)
    taker(store).log_params("run", [mlflow.entities.Param("short", "x"), mlflow.entities.Param("long", "y" * 600)])
    assert {one.key: len(one.value) for one in store.params} == {"short": 1, "long": 250}


def test_a_thing_that_is_refused_is_told_and_is_to_be_tried_again():
    refusals = Refusals("afcl sync mine")
    one = taker(Picky(), refusals)

    def refuse():
        raise mlflow.exceptions.MlflowException("not this one", 1000)

    assert one.attempt("run", "tag", "the tag x", refuse) is None
    assert one.attempt("run", "tag", "the tag y", lambda: "taken") == "taken"
    assert one.lacks_more
    assert "the tag x (not this one)" in refusals.in_words()[0]


def test_a_store_that_is_away_is_no_refusal():
    class Away(Picky):
        def log_batch(self, *given, **more):
            raise mlflow.exceptions.MlflowException("Max retries exceeded with url: /api")

        def search_experiments(self, **more):
            raise mlflow.exceptions.MlflowException("Max retries exceeded with url: /api")

    one = taker(Away())
    with pytest.raises(mlflow.exceptions.MlflowException):
        one.log_metrics("run", values("a"))
    assert one.set_aside == set()
