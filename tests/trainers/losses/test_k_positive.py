"""KCL. See trainers.losses.k_positive."""

import math

import pytest
import torch
from rows_of_images import batch, gradient

from trainers.losses.afcl import asymmetric_focal_contrastive_loss
from trainers.losses.k_positive import chosen, k_positive_loss

LABELS = [0, 0, 0, 0, 1, 1, 2]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def loss(z, labels, images, k=2, temperature=0.3, seed=0):
    return k_positive_loss(z, labels, images=images, generator=seeded(seed), k=k, temperature=temperature)


def twin(z, positives, temperature):
    """Nested loops written from the formula, in float64. positives: of each anchor, views and chosen ones."""
    rows, total = len(z), 0.0
    for i in range(rows):
        near = {k: math.exp(float(z[i] @ z[k]) / temperature) for k in range(rows) if k != i}
        log_p = [math.log(near[j] / sum(near.values())) for j in positives[i]]
        total -= sum(log_p) / len(log_p) if log_p else 0.0
    return total / rows


@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("k", [0, 1, 2, 99])
def test_matches_nested_loops_written_from_the_formula(views, k):
    z, labels, images = batch(LABELS, views)
    candidates = (labels[:, None] == labels) & (images[:, None] != images)
    drawn = chosen(candidates, k, seeded())
    positives = [
        [j for j in range(len(z)) if j != i and (images[j] == images[i] or drawn[i, j])] for i in range(len(z))
    ]
    assert loss(z, labels, images, k).item() == pytest.approx(twin(z, positives, 0.3), rel=1e-12, abs=1e-14)


def test_every_anchor_has_k_positives_of_its_class_or_all_that_there_are():
    _, labels, images = batch(LABELS)
    candidates = (labels[:, None] == labels) & (images[:, None] != images)
    for k in (0, 1, 3, 99):
        drawn = chosen(candidates, k, seeded())
        assert not (drawn & ~candidates).any()
        assert torch.equal(drawn.sum(1), candidates.sum(1).clamp(max=k))


def test_which_are_chosen_depends_on_the_generator_alone():
    z, labels, images = batch(LABELS)
    values = {loss(z, labels, images, k=1, seed=seed).item() for seed in range(5)}
    assert len(values) > 1
    assert loss(z, labels, images, k=1) == loss(z, labels, images, k=1)


def test_a_large_k_is_the_supervised_contrastive_loss_and_k_0_that_of_simclr():
    z, labels, images = batch(LABELS)
    at = {"eta": 0.0, "gamma": 0.0, "temperature": 0.3, "normalize_by": "positives"}
    every = asymmetric_focal_contrastive_loss(z, labels, **at)
    own = asymmetric_focal_contrastive_loss(z, images, **at)
    assert loss(z, labels, images, k=99).item() == pytest.approx(every.item(), rel=1e-12)
    assert loss(z, labels, images, k=0).item() == pytest.approx(own.item(), rel=1e-12)


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
