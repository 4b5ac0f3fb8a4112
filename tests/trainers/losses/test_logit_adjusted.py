import math

import pytest
import torch
from class_logits import LABELS, PRIOR, by_differences, gradient, logits

from trainers.losses.cross_entropy import cross_entropy_loss
from trainers.losses.logit_adjusted import logit_adjusted_loss


def from_the_formula(given, tau):
    """The other form of the paper's equation 10, with ratios of priors, in nested loops:

    log( 1 + sum over classes c other than y of (p_c / p_y)^tau · exp(f_c - f_y) )
    """
    prior, terms = PRIOR.tolist(), []
    for row, y in zip(given.tolist(), LABELS.tolist(), strict=True):
        others = [(prior[c] / prior[y]) ** tau * math.exp(row[c] - row[y]) for c in range(3) if c != y]
        terms.append(math.log(1 + sum(others)))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0, 2.5])
def test_it_is_the_papers_formula_and_so_is_its_gradient(tau):
    value = logit_adjusted_loss(logits(), LABELS, PRIOR, tau)
    assert value.item() == pytest.approx(from_the_formula(logits(), tau), rel=1e-12)
    ours = gradient(lambda f: logit_adjusted_loss(f, LABELS, PRIOR, tau), logits())
    torch.testing.assert_close(ours, by_differences(lambda f: from_the_formula(f, tau), logits()), rtol=0, atol=1e-8)


def test_without_adjustment_and_with_equal_priors_it_is_cross_entropy():
    expected = cross_entropy_loss(logits(), LABELS)
    assert logit_adjusted_loss(logits(), LABELS, PRIOR, 0.0).item() == pytest.approx(expected.item(), rel=1e-12)
    even = torch.full((3,), 1 / 3, dtype=torch.float64)
    assert logit_adjusted_loss(logits(), LABELS, even, 1.0).item() == pytest.approx(expected.item(), rel=1e-12)


def test_an_image_of_a_rare_class_costs_more_than_one_of_a_common_class():
    even = torch.zeros(1, 3, dtype=torch.float64)
    costs = [logit_adjusted_loss(even, torch.tensor([c]), PRIOR, 1.0).item() for c in range(3)]
    assert costs == sorted(costs)
    assert costs[0] < math.log(3) < costs[-1]


def test_the_best_logits_in_use_are_those_of_the_balanced_error():
    """Of one image whose class is drawn with p(y|x) the minimum is f_y = log p(y|x) - log p_y, up to a constant."""
    posterior = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)
    f = (posterior.log() - PRIOR.log()).expand(3, 3)
    slope = gradient(
        lambda f: sum(
            p * logit_adjusted_loss(f[y : y + 1], torch.tensor([y]), PRIOR, 1.0) for y, p in enumerate(posterior)
        ),
        f,
    )
    torch.testing.assert_close(slope.sum(0), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize("tau", [0.0, 1.0, 10.0])
@pytest.mark.parametrize("scale", [0.0, 1e4])
def test_value_and_gradient_are_finite_however_sure_a_prediction_is(tau, scale):
    given = logits(scale).float()
    assert torch.isfinite(logit_adjusted_loss(given, LABELS, PRIOR, tau))
    assert torch.isfinite(gradient(lambda f: logit_adjusted_loss(f, LABELS, PRIOR, tau), given)).all()
