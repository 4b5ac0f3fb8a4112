"""With `classifier.fine_tune` encoder and classifier are trained on together, after the fit on the frozen encoder."""

import math

import pytest
import torch
from trials import run

from trainers.config import METRIC, OF_FINE_TUNING, ClassifierConfig, TrialConfig
from trainers.errors import InputError
from trainers.parsing import parse
from trainers.predictor import Predictor, score_split
from trainers.stages.batches import DeviceSplit
from trainers.stages.fine_tuning import loss_of

TUNED = {"fine_tune": True, "fine_tune_epochs": 2, "fine_tune_lr": 0.01}
OF = {"lbfgs": {"solver": "lbfgs"}, "adamw": {"solver": "adamw", "epochs": 2, "loss": "focal", "focal_gamma": 1.0}}


@pytest.fixture(scope="module", params=OF)
def config(request, tiny_config) -> TrialConfig:
    shorter = tiny_config.representation.model_copy(update={"epochs": 2})
    return tiny_config.model_copy(
        update={"representation": shorter, "classifier": ClassifierConfig(**OF[request.param], **TUNED)}
    )


@pytest.fixture(scope="module")
def ran(config, digits):
    return run(config, digits)


def test_its_epochs_are_counted_after_stage_one_and_the_fit_and_the_score_is_the_last(ran, config):
    told, saved, result = ran
    assert [step for step, _ in told] == list(saved) == list(range(1, config.last_epoch + 1))
    assert config.last_epoch == 2 + config.classifier.fit_steps + 2
    assert result.score == told[-1][1][METRIC]


def test_the_encoder_is_frozen_until_the_classifier_is_fitted_and_moves_then(ran, config):
    saved, fitted = ran[1], 2 + config.classifier.fit_steps
    stage_one, frozen, tuned = (saved[epoch].encoder for epoch in (2, fitted, config.last_epoch))
    assert all(torch.equal(stage_one[name], frozen[name]) for name in frozen)
    weights = [name for name in frozen if name.endswith("weight")]
    assert not any(torch.equal(frozen[name], tuned[name]) for name in weights)
    assert not torch.equal(saved[fitted].classifier["linear.weight"], saved[fitted + 1].classifier["linear.weight"])


@pytest.mark.slow
def test_a_trial_resumed_at_any_of_its_epochs_goes_on_to_the_bit(ran, config, digits):
    told, saved, result = ran
    for epoch in range(2, config.last_epoch + 1):
        again, _, end = run(config, digits, resume=saved[epoch])
        assert again == told[epoch - 1 :]
        assert end.confusion == result.confusion


def test_the_checkpoint_predicts_with_the_encoder_that_was_fine_tuned(ran, digits):
    _, saved, result = ran
    scores = score_split(Predictor(saved[result.epoch]), digits.validation)
    assert scores.metrics["balanced_accuracy"] == result.score
    assert scores.confusion == result.confusion


def test_up_to_the_fit_a_trial_is_what_it_is_without_fine_tuning(ran, config, digits):
    plain = {name: value for name, value in config.classifier.model_dump().items() if not name.startswith("fine_tune")}
    without = config.model_copy(update={"classifier": ClassifierConfig(**plain)})
    for (_, then), (_, now) in zip(run(without, digits)[0], ran[0], strict=False):
        assert now.items() <= then.items()  # its last epoch tells more of each class


@pytest.mark.slow
def test_two_workers_fine_tune_as_one_does(ran, config, digits):
    told = run(config, digits, on=2)[0]
    (_, alone), (_, together) = ran[0][-2], told[-2]
    assert together["train_loss"] == pytest.approx(alone["train_loss"], rel=1e-3)


def test_without_it_a_config_is_written_as_before_there_was_a_choice():
    written = TrialConfig().model_dump(mode="json")["classifier"]
    assert written == {"solver": "lbfgs", "l2": "auto", "l2_rules": 2, "class_weight": "balanced"}
    assert ClassifierConfig(fine_tune=False).model_dump() == ClassifierConfig().model_dump()
    tuned = ClassifierConfig(fine_tune=True)
    assert ClassifierConfig(**tuned.model_dump()) == tuned
    assert tuned.model_dump().keys() >= {"fine_tune", *OF_FINE_TUNING}


@pytest.mark.parametrize("name", OF_FINE_TUNING)
def test_its_fields_are_refused_where_it_is_off(name):
    said = rf"^classifier\.{name}: has no effect with classifier\.fine_tune: false; .*classifier\.fine_tune: true"
    with pytest.raises(InputError, match=said):
        parse(TrialConfig, {"classifier": {name: 1}})


def test_its_loss_is_the_classifiers_with_the_class_weights_of_what_is_drawn():
    split = DeviceSplit(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.tensor([0, 0, 0, 1]), 2)
    logits, labels = torch.zeros(4, 2), split.labels
    for config in (ClassifierConfig(), ClassifierConfig(class_weight="none")):
        assert loss_of(config, split, balanced_batches=False)(logits, labels).item() == pytest.approx(math.log(2))
    focal = ClassifierConfig(solver="adamw", loss="focal", focal_gamma=1.0)
    value = loss_of(focal, split, balanced_batches=True)(logits, labels).item()
    assert value == pytest.approx(math.log(2) / 2)
