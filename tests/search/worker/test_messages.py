"""What a worker tells the driver arrives as it was said, through what Ray does to a result."""

import pytest
from ray.tune.utils import flatten_dict

from search.worker.messages import EpochDone, Failed, Pause, from_result

MESSAGES = [
    EpochDone(3, {"val_balanced_accuracy": 0.5, "test_accuracy": 0.25}),
    EpochDone(1, {}),
    Failed("diverged: loss is nan"),
    Pause("the disk is full"),
]


def arrived(result: dict) -> dict:
    """A result as the driver's scheduler gets it: with what Ray fills in, and flat."""
    filled_in = {"training_iteration": 3, "done": False, "trial_id": "a1", "config": {"number": 7, "workers": 1}}
    return flatten_dict(filled_in | result)


@pytest.mark.parametrize("message", MESSAGES, ids=str)
def test_a_message_arrives_as_it_was_said(message):
    assert from_result(arrived(message.as_result())) == message


@pytest.mark.parametrize("result", [{}, {"loss": 0.5}, {"metrics": {"loss": 0.5}}])
def test_a_result_that_is_not_ours_is_no_message(result):
    assert from_result(arrived(result)) is None


def test_a_key_of_somebody_else_is_no_metric():
    theirs = {"time_this_iter_s": 1.5, "perf": {"metrics": {"cpu": 9.0}}, "metricsof": 1, "failed_before": "no"}
    said = EpochDone(2, {"val_accuracy": 0.5})
    assert from_result(arrived(said.as_result() | theirs)) == said


def test_a_message_does_not_change_with_the_metrics_that_it_was_made_from():
    metrics = {"val_accuracy": 0.5}
    result = EpochDone(1, metrics).as_result()
    metrics["val_accuracy"] = 0.0
    assert from_result(arrived(result)) == EpochDone(1, {"val_accuracy": 0.5})
