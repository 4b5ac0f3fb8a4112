"""Logits, labels and weights on which the losses of classification are tried, and gradients by differences."""

import torch

LABELS = torch.tensor([0, 1, 2, 1])
WEIGHTS = torch.tensor([0.5, 2.0, 3.0], dtype=torch.float64)
PRIOR = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64)


def logits(scale=1.0):
    return scale * torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def gradient(loss, at):
    given = at.clone().requires_grad_()
    loss(given).backward()
    return given.grad


def by_differences(loss, at, step=1e-6):
    """Central differences of a twin that needs no autograd."""
    found = torch.zeros_like(at)
    for place in range(at.numel()):
        there = torch.zeros_like(at).flatten()
        there[place] = step
        there = there.view_as(at)
        found.view(-1)[place] = (loss(at + there) - loss(at - there)) / (2 * step)
    return found
