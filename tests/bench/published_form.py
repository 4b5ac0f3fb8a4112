"""The loss as the paper states it, to hold ours against in time and memory."""

import torch
from torch import Tensor


def published_form(z: Tensor, labels: Tensor, *, eta: float, gamma: float, temperature: float) -> Tensor:
    """The formula as the paper states it, term by term, with none of the care for p near 1."""
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    same = labels.unsqueeze(1) == labels
    similarity = torch.exp(z @ z.T / temperature).masked_fill(itself, 0)
    p = similarity / similarity.sum(1, keepdim=True)
    positive = (same & ~itself) * (1 - p) ** gamma * torch.log(p.masked_fill(itself, 1))
    negative = ~same * torch.log(1 - p)
    return -(positive.mean(1) + eta * negative.mean(1)).mean()
