import math

import class_logits
import pytest
import torch
from torch.nn import functional

from trainers.losses.focal import focal_loss

LABELS = torch.tensor([0, 1, 2, 1])
WEIGHTS = torch.tensor([0.5, 2.0, 3.0])


def logits(scale=1.0):
    return scale * torch.randn(4, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_without_focusing_it_is_cross_entropy(weights):
    ours, theirs = focal_loss(logits(), LABELS, weights, 0.0), functional.cross_entropy(logits(), LABELS, weights)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_it_is_the_paper_s_formula_weighted(gamma):
    p = logits().double().softmax(1)
    terms = [-((1 - row[label]) ** gamma) * torch.log(row[label]) for row, label in zip(p, LABELS, strict=True)]
    weights = WEIGHTS[LABELS].double()
    expected = sum(w * term for w, term in zip(weights, terms, strict=True)) / weights.sum()
    assert focal_loss(logits(), LABELS, WEIGHTS, gamma).item() == pytest.approx(expected.item(), rel=1e-5)


def test_focusing_turns_from_what_is_easy():
    easy, hard = torch.tensor([[4.0, 0.0]]), torch.tensor([[-1.0, 0.0]])
    shares = [
        (focal_loss(easy, torch.tensor([0]), None, gamma) / focal_loss(hard, torch.tensor([0]), None, gamma)).item()
        for gamma in (0.0, 1.0, 5.0)
    ]
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize("gamma", [0.0, 0.1, 2.0, 10.0])
@pytest.mark.parametrize("scale", [0.0, 1.0, 100.0, 1e4])
def test_value_and_gradient_are_finite_however_sure_a_prediction_is(gamma, scale):
    given = logits(scale).requires_grad_()
    value = focal_loss(given, LABELS, WEIGHTS, gamma)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(given.grad).all()


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_the_gradient_is_that_of_the_paper_s_formula(gamma):
    def from_the_formula(given):
        total = of_all = 0.0
        for row, label in zip(given.tolist(), LABELS.tolist(), strict=True):
            p, weight = math.exp(row[label]) / sum(map(math.exp, row)), WEIGHTS[label].item()
            total += weight * -((1 - p) ** gamma) * math.log(p)
            of_all += weight
        return total / of_all

    ours = class_logits.gradient(lambda f: focal_loss(f, LABELS, WEIGHTS, gamma), class_logits.logits())
    theirs = class_logits.by_differences(from_the_formula, class_logits.logits())
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-8)
