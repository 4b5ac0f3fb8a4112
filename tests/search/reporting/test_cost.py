"""What a search took: epochs, slots, hours."""

import pytest

from search.reporting import cost
from search.reporting.context import read_view


def event(kind: str, second: float, **details) -> dict:
    return {"event": kind, "time": int(1000 * second), **details}


def test_slots_are_busy_from_launch_to_end_and_idle_between_sessions():
    events = [
        event("start", 100, slots=2),
        event("launched", 101, trial=0),
        event("launched", 103, trial=1),
        event("end", 106, trial=0),
        event("result", 108, trial=1),  # the driver is killed here
        event("start", 9000, slots=1),
        event("launched", 9002, trial=1),
        event("end", 9005, trial=1),
        event("close", 9006),
    ]
    used = cost.usage(events)
    assert used.wall == 8 + 6
    assert used.busy == 5 + 5 + 3
    assert (used.slots, used.sessions) == (2, (0.0, 8.0))
    assert used.steps == ((0.0, 0), (1.0, 1), (3.0, 2), (6.0, 1), (8.0, 0), (10.0, 1), (13.0, 0), (14.0, 0))


def test_many_steps_are_shown_as_means_that_keep_the_total():
    lives = [event("launched" if second % 2 else "end", second, trial=0) for second in range(1, 2001)]
    used = cost.usage([event("start", 0, slots=1), *lives, event("close", 2000)])
    bins = cost._binned(used)
    assert len(bins) == cost.BINS
    assert sum(busy for _, busy in bins) * used.wall / cost.BINS == pytest.approx(used.busy) == 1000
    assert {round(busy, 6) for _, busy in bins} == {0.5}


def test_what_asha_saved_is_what_its_stopped_trials_had_left(played):
    view = read_view(played)
    done = sum(len(trial.epochs) for trial in view.history.trials.values())
    left = 6 * len(view.history.trials) - done
    assert cost.spared_epochs(view) == left > 0
    said = cost.cost(view).html
    assert f"{done:,} epochs were computed" in said
    assert f"would have taken {left:,} more: stopping early saved {left / (done + left):.0%}" in said
