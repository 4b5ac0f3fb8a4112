"""Journal and MLflow compared value by value."""

from search.tracking.points import SEARCH, Point
from search.tracking.reconciliation import differences

WANTED = {Point(trial, "val_x", step, 0.5, 9) for trial in (SEARCH, 0, 1) for step in (1, 2)}


def test_what_is_equal_has_no_difference():
    assert list(differences(WANTED, list(WANTED))) == []


def test_values_that_are_lacking_and_values_that_are_too_many_are_a_line_each():
    found = [point for point in WANTED if point.trial != 0]
    lacks = "trial 0: MLflow lacks 2 of 2 values (val_x at 1, val_x at 2)"
    assert list(differences(WANTED, found)) == [lacks]
    more = [*WANTED, Point(1, "val_y", 1, 0.1, 9)]
    (line,) = differences(WANTED, more)
    assert line == "trial 1: MLflow has 1 values that the journal does not have (val_y at 1)"


def test_another_value_at_the_same_step_is_both():
    other = [point._replace(value=0.4) if point == Point(SEARCH, "val_x", 1, 0.5, 9) else point for point in WANTED]
    assert [line.split(":")[0] for line in differences(WANTED, other)] == ["the search", "the search"]
