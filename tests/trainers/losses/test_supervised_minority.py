"""SupMin. See trainers.losses.supervised_minority."""

import math

import pytest
import torch
from rows_of_images import batch, gradient

from trainers.losses.afcl import asymmetric_focal_contrastive_loss
from trainers.losses.supervised_minority import supervised_minority_loss

LABELS, COUNTS = [0, 0, 0, 0, 1, 1, 0], torch.tensor([90, 10])


def loss(z, labels, images, counts=COUNTS, temperature=0.3):
    return supervised_minority_loss(z, labels, images=images, class_counts=counts, temperature=temperature)


def twin(z, labels, images, minority, temperature):
    """Nested loops written from the formula, in float64."""
    rows, total = len(z), 0.0
    for i in range(rows):
        near = {k: math.exp(float(z[i] @ z[k]) / temperature) for k in range(rows) if k != i}
        of = labels if labels[i] == minority else images
        log_p = [math.log(near[j] / sum(near.values())) for j in near if of[j] == of[i]]
        total -= sum(log_p) / len(log_p) if log_p else 0.0
    return total / rows


@pytest.mark.parametrize("labels", [LABELS, [0, 0], [1, 1, 1], [0, 1], [1, 2, 0, 2]])
@pytest.mark.parametrize("views", [1, 2])
def test_matches_nested_loops_written_from_the_formula(labels, views):
    z, labels, images = batch(labels, views)
    counts = torch.tensor([90, 10, 20])
    value = loss(z, labels, images, counts).item()
    assert value == pytest.approx(twin(z, labels, images, 1, 0.3), rel=1e-12, abs=1e-14)


def test_the_minority_is_the_class_with_the_fewest_training_images_whatever_the_batch_has():
    z, labels, images = batch([0, 1, 1, 1])
    assert loss(z, labels, images).item() == pytest.approx(twin(z, labels, images, 1, 0.3))
    assert loss(z, labels, images, COUNTS.flip(0)).item() == pytest.approx(twin(z, labels, images, 0, 0.3))


def test_of_the_minority_alone_it_is_supervised_and_of_the_majority_alone_it_is_simclr():
    at = {"eta": 0.0, "gamma": 0.0, "temperature": 0.3, "normalize_by": "positives"}
    z, labels, images = batch([1, 1, 1, 1])
    assert loss(z, labels, images).item() == pytest.approx(asymmetric_focal_contrastive_loss(z, labels, **at).item())
    z, labels, images = batch([0, 0, 0, 0])
    assert loss(z, labels, images).item() == pytest.approx(asymmetric_focal_contrastive_loss(z, images, **at).item())


def test_its_gradient_is_that_of_the_formula():
    z, labels, images = batch(LABELS)
    assert torch.autograd.gradcheck(lambda z: loss(z, labels, images), z.requires_grad_())


@pytest.mark.parametrize("temperature", [1e-3, 0.07, 100.0])
@pytest.mark.parametrize("labels", [LABELS, [0, 1], [0, 0]])
@pytest.mark.parametrize("views", [1, 2])
def test_value_and_gradient_are_finite_at_every_corner(temperature, labels, views):
    z, labels, images = batch(labels, views, dtype=torch.float32)
    for rows in (z, torch.eye(len(z), 5)[torch.zeros(len(z), dtype=torch.long)]):
        value, slope = gradient(lambda z: loss(z, labels, images, temperature=temperature), rows)
        assert torch.isfinite(value)
        assert torch.isfinite(slope).all()
