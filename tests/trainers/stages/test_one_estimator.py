"""With `solver: lbfgs` probe and classifier are one estimator, and stage two is one step."""

import dataclasses

import pytest
import torch
from trials import changed, run

from trainers.config import METRIC, ClassifierConfig, TrialConfig
from trainers.data import load_test
from trainers.predictor import Predictor, score_split

STAGE_ONE = 4


@pytest.fixture(scope="module")
def config(tiny_config) -> TrialConfig:
    return tiny_config.model_copy(update={"classifier": ClassifierConfig()})


@pytest.fixture(scope="module")
def ran(config, digits):
    return run(config, digits)


def of_validation(metrics):
    return {name: value for name, value in metrics.items() if name.startswith("val_")}


def test_stage_two_is_one_step_that_is_saved_and_reported(ran, config):
    told, saved, result = ran
    assert [step for step, _ in told] == list(saved) == [1, 2, 3, 4, 5]
    assert config.last_epoch == result.epoch == STAGE_ONE + 1
    assert result.score == told[-1][1][METRIC]


def test_the_score_is_the_last_probe_to_the_last_digit_and_nothing_is_fitted_again(config, digits, ran, monkeypatch):
    from trainers import pipeline

    fits = []
    fit = pipeline.fit_logistic
    monkeypatch.setattr(pipeline, "fit_logistic", lambda *given: fits.append(1) or fit(*given))
    told, _, result = run(config, digits)
    assert len(fits) == STAGE_ONE
    assert of_validation(told[-2][1]).items() <= of_validation(told[-1][1]).items()  # which tells more of each class
    assert result.confusion == ran[2].confusion


def test_a_probe_on_fewer_images_leaves_a_gap_and_the_score_that_all_images_give(config, digits, ran):
    told, _, result = run(changed(config, representation={"probe_images": 12}), digits)
    assert of_validation(told[-1][1]) != of_validation(told[-2][1])
    assert of_validation(told[-1][1]) == of_validation(ran[0][-1][1])
    assert result.score == ran[2].score


def test_a_probe_on_fewer_images_has_the_shares_of_all_and_a_penalty_that_suits_the_fewer(config, digits, monkeypatch):
    from trainers import pipeline

    given = []
    fit = pipeline.fit_logistic
    monkeypatch.setattr(pipeline, "fit_logistic", lambda *told: given.append((told[1], *told[3:])) or fit(*told))
    run(changed(config, representation={"probe_images": 12, "epochs": 1}, classifier={"class_weight": "none"}), digits)
    (some, l2, weights), (all_of_them, least, others) = given
    assert (len(some), len(all_of_them), least) == (12, 60, pytest.approx(1 / 60))
    assert l2 > least
    shares = [weight * torch.bincount(labels) for labels, weight in ((some, weights), (all_of_them, others))]
    assert torch.allclose(*shares)
    assert shares[0].tolist() == pytest.approx([0.8, 0.2])


@pytest.mark.slow
@pytest.mark.parametrize(
    "epoch", [1, pytest.param(3, marks=pytest.mark.slow), 4, pytest.param(5, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("probe_images", [None, pytest.param(12, marks=pytest.mark.slow)])
def test_a_trial_resumed_at_any_epoch_goes_on_to_the_bit(config, digits, epoch, probe_images):
    given = changed(config, representation={"probe_images": probe_images})
    told, saved, result = run(given, digits)
    again, _, end = run(given, digits, resume=saved[epoch])
    assert again == told[epoch - 1 :]
    assert (end.score, end.confusion) == (result.score, result.confusion)


@pytest.mark.slow
def test_weights_of_one_class_and_the_penalty_change_what_is_fitted_and_not_what_is_trained(config, digits, ran):
    for fields in ({"l2": 5.0}, {"class_weight": "none"}):
        told, saved, _ = run(changed(config, classifier=fields), digits)
        assert [metrics["train_loss"] for _, metrics in told[:4]] == [m["train_loss"] for _, m in ran[0][:4]]
        assert of_validation(told[-1][1]) != of_validation(ran[0][-1][1])
        assert all(torch.equal(saved[5].encoder[name], weight) for name, weight in ran[1][5].encoder.items())
    told = run(changed(config, classifier={"l2_rules": 1}), digits)[0]
    assert told[-1][1]["classifier_l2"] == pytest.approx(0.25 / 48 + 0.25 / 12)  # 1 / N_eff of 48 and 12 images
    assert "train_loss" not in ran[0][-1][1]


def test_the_last_checkpoint_predicts_what_the_trial_validated(ran, digits):
    _, saved, result = ran
    assert saved[5].optimizer == {}
    assert score_split(Predictor(saved[5]), digits.validation).confusion == result.confusion


@pytest.mark.slow
def test_the_probe_of_adamw_is_what_it_was(tiny_config, digits, config, ran):
    """Its estimator knows neither the new one's penalty nor its end."""
    told, _, _ = run(tiny_config, digits)
    assert [m["train_loss"] for _, m in told[:4]] == [m["train_loss"] for _, m in ran[0][:4]]
    assert [of_validation(m) for _, m in told[:4]] != [of_validation(m) for _, m in ran[0][:4]]


@pytest.mark.slow
@pytest.mark.parametrize("fields", [{"loss": "focal"}, {"loss": "focal", "focal_gamma": 0.0}])
def test_adamw_takes_the_focal_loss_whose_zero_is_cross_entropy(tiny_config, digits, whole, fields):
    told, _, _ = run(changed(tiny_config, classifier=fields), digits)
    before = whole[0]
    assert told[:4] == before[:4]
    if fields.get("focal_gamma") == 0:
        assert told[-1][1]["train_loss"] == pytest.approx(before[-1][1]["train_loss"], rel=1e-4)
    else:
        assert told[-1][1]["train_loss"] < before[-1][1]["train_loss"]


def test_a_checkpoint_from_before_there_was_a_choice_is_of_adamw(tiny_config, digits, whole):
    told, saved, _ = whole
    for epoch in (2, 5, 7):
        config = {**saved[epoch].config, "classifier": dict(saved[epoch].config["classifier"])}
        for name in ("solver", "loss"):
            del config["classifier"][name]
        older = dataclasses.replace(saved[epoch], config=config)
        assert run(tiny_config, digits, resume=older)[0] == told[epoch - 1 :]
    assert score_split(Predictor(older), load_test(tiny_config.data)).metrics
