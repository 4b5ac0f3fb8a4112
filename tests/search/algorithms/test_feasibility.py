"""How likely values are to make a trial fail."""

from told_trials import SPACE, at, values_of

from search.algorithms.feasibility import Feasibility
from search.algorithms.told import told_of
from trainers.config import METRIC


def learnt(*trials):
    feasibility = Feasibility(SPACE)
    for trial in trials:
        feasibility.add(told_of(SPACE, trial, METRIC))
    return feasibility


FINE = [at(0.04 + n / 500, n) for n in range(20)]


def test_where_nothing_has_failed_nothing_is_likely_to():
    assert learnt(*FINE).chance_of_failing(values_of(0)) == 0.0


def test_values_beside_failed_ones_are_likely_to_fail_and_those_beside_others_are_not():
    failed = [at(0.8 + n / 50, n, by_values=True) for n in range(5)]
    known = learnt(*FINE, *failed)
    assert known.chance_of_failing(values_of(2) | {"loss.temperature": 0.85}) > 0.8
    assert known.chance_of_failing(values_of(2) | {"loss.temperature": 0.06}) < 0.05
