"""Ticks on an axis of the unit range."""

import pytest

from search.reporting import axes
from spaces.ranges import Choice, IntUniform, LogUniform, Uniform, ZeroOr


@pytest.mark.parametrize(
    ("range_", "labels"),
    [
        (Uniform(0.5, 10), ["0.5", "2", "4", "6", "8", "10"]),
        (LogUniform(0.03, 1.0), ["0.03", "0.1", "0.3", "1"]),
        (LogUniform(1e-4, 1e-1), ["0.0001", "0.001", "0.01", "0.1"]),
        (LogUniform(2.0, 2.5), ["2", "2.5"]),
        (IntUniform(1, 3), ["1", "2", "3"]),
        (Choice(("adamw", "sgd")), ["adamw", "sgd"]),
        (ZeroOr(LogUniform(1, 300), share=0.25), ["0", "1", "10", "100", "300"]),
    ],
)
def test_ticks_read_as_values_and_stand_where_the_values_do(range_, labels):
    ticks = axes.ticks(range_)
    assert [label for _, label in ticks] == labels
    for at, label in ticks:
        value = label if isinstance(range_, Choice) else float(label)
        assert at == pytest.approx(range_.to_unit(value), abs=1e-3)
