"""Batches of embeddings for tests of contrastive losses."""

import torch
from torch.nn.functional import normalize


def batch(labels, views=2, dim=5, seed=0, dtype=torch.float64):
    """Unit rows [N, dim], labels [N] and images [N] of so many views of images with these labels."""
    labels = torch.tensor(labels)
    draws = torch.Generator().manual_seed(seed)
    z = normalize(torch.randn(views * len(labels), dim, generator=draws, dtype=dtype), dim=1)
    return z, labels.repeat(views), torch.arange(len(labels)).repeat(views)


def gradient(loss, z):
    z = z.clone().requires_grad_()
    value = loss(z)
    (slope,) = torch.autograd.grad(value, z)
    return value, slope
