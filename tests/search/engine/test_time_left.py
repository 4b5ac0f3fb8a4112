"""search.engine.time_left: a spec alone gives the size that a plan on its data has."""

import pytest

from search.engine.plan import make_plan
from search.engine.time_left import size_of
from search.journal.history import History
from spaces.spec import load_spec


@pytest.mark.parametrize(
    "changes",
    [
        [],
        ["classifier.solver=adamw", "classifier.epochs=7"],
        ["search.baselines=[]", "search.trials=5"],
        ["search.scheduler.name=none"],
    ],
    ids=" ".join,
)
def test_it_is_that_of_the_plan(changes, digits):
    spec = load_spec("digits", changes)
    plan, size = make_plan(spec, digits, extend_by=3), size_of(spec, History(extra=3))
    assert vars(size) == {name: getattr(plan, name) for name in vars(size)}


def test_after_the_rest_was_luck_plan_and_size_have_what_was_begun_and_later_extensions(digits):
    spec, history = load_spec("digits", ["search.trials=60", "search.stop_when=luck"]), History()
    history.apply({"event": "enough", "time": 0, "trials": 25, "left": 38, "gain": 0.001, "noise": 0.01})
    assert make_plan(spec, digits, history).trials == size_of(spec, history).trials == 25
    assert make_plan(spec, digits, history, extend_by=4).trials == 29
    history.apply({"event": "extended", "time": 0, "trials": 4})
    assert make_plan(spec, digits, history).trials == size_of(spec, history).trials == 29
