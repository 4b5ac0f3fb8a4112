"""What Ray tells of crashes, and what becomes of it: a stand-in for the conductor notes what it is told."""

from types import SimpleNamespace

import pytest

from search.engine.ray_tune import ConductorCallback

FIRST = "Failure # 1\nray.exceptions.RayTaskError\nValueError: first\n"
CRASHED = {
    "a fault": (FIRST + "ValueError: η", 1),
    "memory": (FIRST + "trainers.errors.OutOfMemory: out of GPU memory", 0),
}


class Notes:
    def __init__(self) -> None:
        self.failed, self.crashed_, self.ended_ = [], [], []
        self.history = SimpleNamespace(trials={7: "trial 7"})

    def fail(self, number, reason, *, by_values=False):
        self.failed.append((number, reason, by_values))

    def crashed(self, number):
        self.crashed_.append(number)

    def ended(self, trial):
        self.ended_.append(trial)


def ray_trial(error):
    return SimpleNamespace(config={"number": 7}, get_error=lambda: error)


@pytest.mark.parametrize(("error", "blamed"), CRASHED.values(), ids=CRASHED)
def test_a_node_is_not_blamed_for_a_trial_that_does_not_fit_into_a_gpus_memory(error, blamed):
    notes = Notes()
    ConductorCallback(notes, notes).on_trial_recover(1, [], ray_trial(error))
    assert len(notes.crashed_) == blamed


def test_a_trial_that_crashed_more_often_than_it_may_has_its_last_error():
    notes = Notes()
    ConductorCallback(notes, notes).on_trial_error(1, [], ray_trial(FIRST))
    assert notes.failed == [(7, "crashed: ValueError: first", False)]
    assert notes.ended_ == ["trial 7"]


def test_a_reason_that_its_last_worker_left_is_told_though_no_worker_comes_to_say_it():
    """With search.max_failures: 1 the second time out of memory is the last attempt."""
    notes = Notes()
    given_up = {7: ("out of GPU memory with representation.batch_size=512", True)}
    ConductorCallback(notes, notes, given_up.get).on_trial_error(1, [], ray_trial(FIRST))
    assert notes.failed == [(7, "out of GPU memory with representation.batch_size=512", True)]
