"""The class-averaging of BCL. See trainers.losses.balanced_contrastive."""

import math

import pytest
import torch
from rows_of_images import batch, gradient

from trainers.losses.balanced_contrastive import balanced_contrastive_loss

LABELS = [0, 0, 0, 0, 1, 1, 2]


def of_anchor(z, labels, temperature, i):
    """An anchor's term, in nested loops written from the formula, in float64."""
    others = [k for k in range(len(z)) if k != i]
    near = {k: math.exp(float(z[i] @ z[k]) / temperature) for k in others}
    means = 0.0
    for c in sorted(set(labels.tolist())):
        of_class = [k for k in others if labels[k] == c]
        means += sum(near[k] for k in of_class) / max(1, len(of_class))
    positives = [k for k in others if labels[k] == labels[i]]
    return -sum(math.log(near[p] / means) for p in positives) / max(1, len(positives))


def twin(z, labels, temperature):
    return sum(of_anchor(z, labels, temperature, i) for i in range(len(z))) / len(z)


@pytest.mark.parametrize("labels", [LABELS, [0, 1], [0, 0, 0], [2, 0, 2]])
@pytest.mark.parametrize("views", [1, 2])
def test_matches_nested_loops_written_from_the_formula(labels, views):
    z, labels, _ = batch(labels, views)
    loss = balanced_contrastive_loss(z, labels, temperature=0.3)
    assert loss.item() == pytest.approx(twin(z, labels, 0.3), rel=1e-12, abs=1e-14)


def test_its_gradient_is_that_of_the_formula():
    z, labels, _ = batch(LABELS)
    assert torch.autograd.gradcheck(lambda z: balanced_contrastive_loss(z, labels, temperature=0.3), z.requires_grad_())


def test_a_class_weighs_the_same_however_many_rows_it_has():
    """Every row of class 0 twice: to the anchors of the other classes nothing has changed."""
    z, labels, _ = batch(LABELS, views=1)
    terms = []
    for rows, of in ((z, labels), (torch.cat([z, z[:4]]), torch.cat([labels, labels[:4]]))):
        of_class_0 = sum(of_anchor(rows, of, 0.3, i) for i in range(len(rows)) if of[i] == 0)
        terms.append(balanced_contrastive_loss(rows, of, temperature=0.3).item() * len(rows) - of_class_0)
    assert terms[0] == pytest.approx(terms[1])
    assert terms[0] > 0


def test_with_one_row_of_each_class_besides_the_anchors_it_is_the_supervised_contrastive_loss():
    """Then each mean is over one row, and the average over a class changes nothing."""
    z, labels, _ = batch([0, 0, 1], views=1)
    logits = (z @ z.T / 0.1).fill_diagonal_(-torch.inf)
    log_p = logits.log_softmax(1)
    assert balanced_contrastive_loss(z, labels).item() == pytest.approx(-(log_p[0, 1] + log_p[1, 0]).item() / 3)


@pytest.mark.parametrize("temperature", [1e-3, 0.1, 100.0])
@pytest.mark.parametrize("rows", ["alike", "opposite", "drawn"])
def test_value_and_gradient_are_finite_at_every_corner(temperature, rows):
    z, labels, _ = batch(LABELS, dtype=torch.float32)
    if rows != "drawn":
        z = torch.zeros_like(z)
        z[:, 0] = 1.0 if rows == "alike" else torch.where(torch.arange(len(z)) % 2 == 0, 1.0, -1.0)
    value, slope = gradient(lambda z: balanced_contrastive_loss(z, labels, temperature=temperature), z)
    assert torch.isfinite(value)
    assert torch.isfinite(slope).all()
