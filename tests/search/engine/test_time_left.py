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
    plan, size = make_plan(spec, digits, extra=3), size_of(spec, History(extra=3))
    assert vars(size) == {name: getattr(plan, name) for name in vars(size)}
