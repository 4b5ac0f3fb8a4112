"""How runs are written, in today's format and in that of older versions, in which their searches are gone on with."""

import pytest
from told_trials import trial_of

from search.tracking.run_format import (
    FORMAT,
    TAG,
    format_of,
    metric_name,
    of_the_search,
    reason_in,
    remark_on,
    rung_name,
    shown_parameter,
    shown_score,
    status_of,
)
from search.tracking.troubles import StoreProblem

EPOCHS = 6


@pytest.fixture
def trial():
    made = trial_of(0)
    made.config = {"representation": {"epochs": EPOCHS}}
    return made


def test_a_run_without_the_tag_is_of_the_first_format_and_that_is_said():
    assert format_of({}) == 1
    assert format_of({TAG: str(FORMAT)}) == FORMAT
    assert "keep its ways" in remark_on(1)
    assert remark_on(FORMAT) is None


@pytest.mark.parametrize("found", [str(FORMAT + 1), "0", "", "x"])
def test_a_run_of_a_later_format_is_left_alone(found):
    with pytest.raises(StoreProblem, match="of a later afcl"):
        format_of({TAG: found})


def test_what_each_stage_measures_of_its_training_bears_its_name(trial):
    assert metric_name("images_per_second", trial, EPOCHS) == "representation/images_per_second"
    assert metric_name("images_per_second", trial, EPOCHS + 1) == "classifier/images_per_second"
    trial.family = "CE"
    assert metric_name("train_loss", trial, EPOCHS) == "end_to_end/train_loss"


def test_what_both_stages_measure_alike_has_one_name(trial):
    for name in ("val_balanced_accuracy", "val_recall/lr", "classifier_seconds"):
        assert metric_name(name, trial, EPOCHS) == metric_name(name, trial, EPOCHS + 1) == name


def test_scores_and_parameters_are_shown_with_four_digits():
    assert shown_score(0.81234567) == 0.8123
    assert [shown_parameter(value) for value in (0.000123456, 123.456, 0.07, 0.0)] == [
        "0.0001235",
        "123.5",
        "0.07",
        "0",
    ]
    for value in (123456, True, "sgd", None, [0.123456]):
        assert shown_parameter(value) is value


def test_a_searchs_run_has_no_loss_and_nothing_that_its_trials_have_each_of_their_own():
    params = {"loss.eta": 0.0, "loss.name": "afcl", "representation.lr": 0.003, "space.loss.eta.uniform": [0, 1]}
    left = of_the_search(params | {"model.encoder": "small"}, {"representation.lr": None})
    assert left == {"space.loss.eta.uniform": [0, 1], "model.encoder": "small"}


def test_a_stopped_trial_does_not_look_like_a_failure():
    assert {state: status_of(state, FORMAT) for state in ("finished", "stopped", "failed")} == {
        "finished": "FINISHED",
        "stopped": "FINISHED",
        "failed": "FAILED",
    }
    assert status_of("stopped", 1) == "KILLED"


def test_a_rung_is_named_by_its_epoch():
    assert rung_name({"rung": 1, "epoch": 6}, FORMAT) == "epoch 6"
    assert rung_name({"rung": 1, "epoch": 6}, 1) == "1"
    reason = "0.5 at rung 1 (epoch 6), below"
    assert (reason_in(reason, 1), reason_in(reason, FORMAT)) == (reason, "0.5 at the rung of epoch 6, below")
