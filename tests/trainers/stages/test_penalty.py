"""The penalty that `classifier.l2: auto` chooses: by the images' weights, and by how many features they have."""

import pytest
import torch
from trials import changed, run

from trainers.config import ClassifierConfig, TrialConfig
from trainers.data import load
from trainers.errors import DivergedError
from trainers.parsing import parse
from trainers.stages.batches import class_weights
from trainers.stages.logistic import fit_logistic
from trainers.stages.penalty import IMAGES_OF_A_PARAMETER, degrees_of_freedom, least_penalty, raised_penalty

LABELS = torch.tensor([0] * 180 + [1] * 20)
EFFECTIVE = 72.0  # (2 · 100)² / (180 · (100 / 180)² + 20 · (100 / 20)²), with balanced weights
THREE = torch.tensor([0] * 120 + [1] * 60 + [2] * 20)


def features(dim, seed=0):
    """[200, dim] of independent features, of which the first tells two classes a little."""
    draws = torch.Generator().manual_seed(seed)
    found = torch.randn(len(LABELS), dim, generator=draws)
    found[:, 0] += LABELS
    return found


def raised(some, labels=LABELS, class_weight="balanced", **changed):
    classes = int(labels.max()) + 1
    config = ClassifierConfig(class_weight=class_weight)
    weights = class_weights(labels, classes) if class_weight == "balanced" else torch.ones(classes)
    return raised_penalty(some, labels, classes, least_penalty(labels, classes, config), weights, **changed)


def effective_parameters(some, l2, weights, labels=LABELS):
    """By the definition: the trace of the matrix that takes the fitted values of a weighted ridge to shrunken ones."""
    x = (some.double() - some.double().mean(0)) / some.double().std(0, correction=0)
    share = weights.double()[labels]
    share /= share.sum()
    of_classes = [share[labels == label].sum() for label in range(len(weights))]
    curvature = sum(one * (1 - one) for one in of_classes) / len(weights)
    x -= (share[:, None] * x).sum(0)
    root = (share * curvature).sqrt()[:, None] * x
    hat = root @ torch.linalg.solve(root.T @ root + 2 * l2 * torch.eye(x.shape[1], dtype=x.dtype), root.T)
    return hat.trace().item()


def test_the_least_is_one_over_the_effective_number_of_images():
    assert least_penalty(LABELS, 2, ClassifierConfig()) == pytest.approx(1 / EFFECTIVE)
    assert least_penalty(LABELS, 2, ClassifierConfig(class_weight="none")) == pytest.approx(1 / len(LABELS))
    assert least_penalty(LABELS, 2, ClassifierConfig(l2=0.25)) == 0.25


def test_with_few_features_it_is_the_least_to_the_last_bit():
    assert raised(features(8)) == least_penalty(LABELS, 2, ClassifierConfig())


@pytest.mark.parametrize("dim", [64, 150, 400])
def test_with_many_each_effective_parameter_has_four_effective_images(dim):
    l2 = raised(features(dim))
    assert l2 > 2 / EFFECTIVE
    left = effective_parameters(features(dim), l2, class_weights(LABELS, 2))
    assert left == pytest.approx(EFFECTIVE / IMAGES_OF_A_PARAMETER, rel=1e-4)


@pytest.mark.parametrize("class_weight", ["balanced", "none"])
@pytest.mark.parametrize("dim", [150, 400])
def test_so_it_is_with_three_classes_and_with_images_that_weigh_alike(dim, class_weight):
    weights = class_weights(THREE, 3) if class_weight == "balanced" else torch.ones(3)
    effective = 1 / least_penalty(THREE, 3, ClassifierConfig(class_weight=class_weight))
    l2 = raised(features(dim), THREE, class_weight)
    assert l2 > 1.1 / effective
    assert effective_parameters(features(dim), l2, weights, THREE) == pytest.approx(effective / 4, rel=1e-4)


def test_a_part_of_the_images_needs_more_than_all_as_its_own_images_are_fewer():
    part = torch.arange(len(LABELS)) % 4 == 0
    weights = class_weights(LABELS, 2)
    least = least_penalty(LABELS, 2, ClassifierConfig())
    l2 = raised_penalty(features(64)[part], LABELS[part], 2, least, weights)
    left = effective_parameters(features(64)[part], l2, weights, LABELS[part])
    assert l2 > raised(features(64))
    assert left == pytest.approx(EFFECTIVE / 4 / IMAGES_OF_A_PARAMETER, rel=1e-4)


def test_more_features_and_more_images_for_each_ask_for_more():
    assert raised(features(64)) < raised(features(150)) < raised(features(400))
    assert raised(features(150), images=2) < raised(features(150)) < raised(features(150), images=8)


def test_features_that_repeat_others_count_once():
    few = features(8)
    assert raised(few.repeat(1, 50)) == pytest.approx(raised(few), rel=1e-6) == 1 / EFFECTIVE


def test_neither_the_features_scales_nor_the_weights_scale_change_it():
    some, weights = features(150), class_weights(LABELS, 2)
    least = least_penalty(LABELS, 2, ClassifierConfig())
    assert raised(some * torch.logspace(-2, 2, 150) + 3) == pytest.approx(raised(some), rel=1e-4)
    assert raised_penalty(some, LABELS, 2, least, 7 * weights) == pytest.approx(raised(some), rel=1e-8)


def test_degrees_of_freedom_fall_from_all_directions_to_none():
    values = torch.tensor([4.0, 1.0, 0.0], dtype=torch.float64)
    assert degrees_of_freedom(values, 1e-12) == pytest.approx(2)
    assert degrees_of_freedom(values, 0.5) == pytest.approx(4 / 5 + 1 / 2)
    assert degrees_of_freedom(values, 1e9) == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, 3e38])
def test_features_that_are_not_finite_are_told(value):
    some = features(8)
    some[:, 2] = value
    with pytest.raises(DivergedError, match="no longer finite"):
        raised(some)


def test_many_features_of_noise_lose_less_of_the_threshold_with_it():
    some, held = features(400), features(400, seed=1)
    weights, recalls = class_weights(LABELS, 2), []
    for l2 in (1 / EFFECTIVE, raised(some)):
        with torch.no_grad():
            found = fit_logistic(some, LABELS, 2, l2, weights)(held).argmax(1)
        recalls.append((found[LABELS == 1] == 1).double().mean().item())
    assert recalls[1] > recalls[0]


@pytest.mark.parametrize(("rules", "is_raised"), [(1, False), (2, True)])
def test_a_trial_says_the_penalty_of_its_last_fit_and_one_of_before_never_raises_it(rules, is_raised, tiny_config):
    wide = changed(tiny_config, model={"width": 32}).model_dump()
    config = parse(TrialConfig, wide | {"classifier": {"solver": "lbfgs", "l2_rules": rules}})
    data = load(config.data)
    told, _, _ = run(config, data)
    least = least_penalty(torch.from_numpy(data.train.labels), 2, config.classifier)
    assert (told[-1][1]["classifier_l2"] > least) is is_raised
    assert is_raised or told[-1][1]["classifier_l2"] == least
