import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from trainers.config import ClassifierConfig
from trainers.errors import DivergedError
from trainers.stages.batches import class_weights
from trainers.stages.logistic import class_shares, fit_logistic, minimise, value_and_gradient

COUNTS = {2: (180, 20), 3: (120, 60, 20)}


def clouds(classes=3, dim=8, seed=0):
    """Features on scales of their own and labels, of overlapping classes that differ in number."""
    draws = torch.Generator().manual_seed(seed)
    labels = torch.cat([torch.full((count,), c) for c, count in enumerate(COUNTS[classes])])
    centres = torch.randn(classes, dim, generator=draws)
    features = (centres[labels] + 1.5 * torch.randn(len(labels), dim, generator=draws)) * torch.logspace(-2, 2, dim) + 5
    return features, labels


def standardised(fitted, features):
    return (features.double() - fitted.mean.double()) / fitted.scale.double()


def parameters_of(fitted):
    return torch.cat([fitted.linear.weight.detach(), fitted.linear.bias.detach()[:, None]], 1).double()


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("l2", [1e-4, 1e-2, 1.0])
def test_it_predicts_what_scikit_learn_s_logistic_regression_does(classes, l2):
    features, labels = clouds(classes)
    weights = class_weights(labels, classes)
    fitted = fit_logistic(features, labels, classes, l2, weights)
    x, of_images = standardised(fitted, features).numpy(), weights.double()[labels].numpy()
    # theirs is C · sum(w · loss) + |W|² / 2; of two classes they hold the difference, whose square is half of |W|²
    strength = 1 / ((2 if classes > 2 else 1) * l2 * of_images.sum())
    theirs = LogisticRegression(C=strength, tol=1e-10, max_iter=10_000).fit(x, labels.numpy(), sample_weight=of_images)
    with torch.no_grad():
        ours = fitted(features).softmax(1).numpy()
    assert np.abs(ours - theirs.predict_proba(x)).max() < 1e-4


@pytest.mark.parametrize("l2", [1e-6, 1e-3, 0.1, 10.0])
def test_at_the_solution_the_gradient_is_nothing_and_the_objective_is_lower_than_all_around(l2):
    features, labels = clouds()
    x = standardised(fit_logistic(features, labels, 3, l2), features)
    share = torch.full((len(labels),), 1 / len(labels), dtype=torch.float64)
    found = minimise(x, labels, 3, l2, share)
    value, gradient = value_and_gradient(found, x, labels, l2, share)
    assert gradient.abs().max() < 1e-6
    draws = torch.Generator().manual_seed(1)
    for _ in range(20):
        moved = found + 1e-2 * torch.randn(found.shape, generator=draws, dtype=torch.float64)
        assert value_and_gradient(moved, x, labels, l2, share)[0] > value


def test_the_gradient_is_that_of_the_formula():
    features, labels = clouds()
    draws = torch.Generator().manual_seed(2)
    x = ((features - features.mean(0)) / features.std(0)).double()
    share = torch.rand(len(labels), generator=draws, dtype=torch.float64)
    share /= share.sum()
    at = torch.randn(3, 9, generator=draws, dtype=torch.float64, requires_grad=True)
    probabilities = (x @ at[:, :-1].T + at[:, -1]).softmax(1)
    loss = sum(-s * torch.log(row[label]) for s, row, label in zip(share, probabilities, labels, strict=True))
    (loss + 0.3 * at[:, :-1].square().sum()).backward()
    value, gradient = value_and_gradient(at.detach(), x, labels, 0.3, share)
    assert value.item() == pytest.approx(loss.item() + 0.3 * at[:, :-1].square().sum().item(), rel=1e-12)
    assert torch.allclose(gradient, at.grad, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("factor", [1e-6, 7.0, 1e9])
def test_scaling_all_weights_changes_nothing(factor):
    features, labels = clouds()
    weights = class_weights(labels, 3)
    before, after = (parameters_of(fit_logistic(features, labels, 3, 1e-2, w)) for w in (weights, factor * weights))
    assert torch.allclose(before, after, rtol=0, atol=1e-6)


def test_scaling_or_moving_a_feature_changes_no_prediction():
    features, labels = clouds()
    moved = features * torch.logspace(3, -3, 8) - 100
    with torch.no_grad():
        logits, others = (fit_logistic(some, labels, 3, 1e-2)(some) for some in (features, moved))
    assert torch.allclose(logits, others, atol=1e-2)


def test_the_bias_is_free_of_the_penalty_so_that_a_strong_one_leaves_the_classes_shares():
    features, labels = clouds()
    with torch.no_grad():
        probabilities = fit_logistic(features, labels, 3, 1e6)(features).softmax(1)
    shares = torch.bincount(labels) / len(labels)
    assert torch.allclose(probabilities, shares.expand_as(probabilities), atol=1e-3)


def test_the_order_of_the_images_changes_nothing():
    features, labels = clouds()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(3))
    one, other = fit_logistic(features, labels, 3, 1e-2), fit_logistic(features[order], labels[order], 3, 1e-2)
    assert torch.allclose(parameters_of(one), parameters_of(other), atol=1e-4)


def test_a_feature_that_never_moves_and_classes_that_never_meet_are_no_trouble():
    labels = torch.tensor([0, 0, 0, 1, 1])
    features = torch.stack([labels.float() * 100, torch.full((5,), 7.0)], 1)
    fitted = fit_logistic(features, labels, 2, 1e-3)
    with torch.no_grad():
        assert torch.equal(fitted(features).argmax(1), labels)
        assert torch.isfinite(parameters_of(fitted)).all()


@pytest.mark.parametrize("value", [torch.nan, torch.inf, 3e38])
def test_features_that_are_not_finite_or_whose_deviation_is_not_are_told(value):
    features, labels = clouds()
    features[:, 2] = value
    with pytest.raises(DivergedError, match="no longer finite"):
        fit_logistic(features, labels, 3, 1e-2)


@pytest.mark.parametrize(("class_weight", "shares"), [("balanced", [1 / 3] * 3), ("none", [0.6, 0.3, 0.1])])
def test_a_class_has_its_part_of_the_objective_whoever_of_its_images_are_probed(class_weight, shares):
    labels = clouds()[1]
    assert class_shares(labels, 3, ClassifierConfig(class_weight=class_weight)).tolist() == pytest.approx(shares)
