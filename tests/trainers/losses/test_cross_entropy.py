import math

import pytest
import torch
from class_logits import LABELS, WEIGHTS, by_differences, gradient, logits

from trainers.losses.cross_entropy import cross_entropy_loss


def from_the_formula(given, weights=None):
    """Nested loops over images and classes, in Python's own numbers."""
    total = of_all = 0.0
    for row, label in zip(given.tolist(), LABELS.tolist(), strict=True):
        weight = 1.0 if weights is None else weights[label].item()
        total += weight * -math.log(math.exp(row[label]) / sum(math.exp(one) for one in row))
        of_all += weight
    return total / of_all


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_it_is_the_formula_and_so_is_its_gradient(weights):
    value = cross_entropy_loss(logits(), LABELS, weights)
    assert value.item() == pytest.approx(from_the_formula(logits(), weights), rel=1e-12)
    ours = gradient(lambda f: cross_entropy_loss(f, LABELS, weights), logits())
    torch.testing.assert_close(
        ours, by_differences(lambda f: from_the_formula(f, weights), logits()), rtol=0, atol=1e-8
    )


def test_the_scale_of_the_weights_changes_nothing():
    one, other = (cross_entropy_loss(logits(), LABELS, scale * WEIGHTS).item() for scale in (1, 100))
    assert one == pytest.approx(other, rel=1e-12)


def test_with_balanced_weights_every_class_counts_alike():
    counts = torch.bincount(LABELS).double()
    of_classes = [
        torch.stack([-logits().log_softmax(1)[i, c] for i in range(4) if LABELS[i] == c]).mean() for c in range(3)
    ]
    assert cross_entropy_loss(logits(), LABELS, 1 / counts).item() == pytest.approx(
        sum(of_classes).item() / 3, rel=1e-12
    )


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_value_and_gradient_are_finite_however_sure_a_prediction_is(scale):
    given = logits(scale).float()
    assert torch.isfinite(cross_entropy_loss(given, LABELS, WEIGHTS))
    assert torch.isfinite(gradient(lambda f: cross_entropy_loss(f, LABELS, WEIGHTS), given)).all()
