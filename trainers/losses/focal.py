"""The focal loss (Lin et al. 2017, arXiv 1708.02002), for stage two and end to end."""

import torch
from torch import Tensor


def focal_loss(logits: Tensor, labels: Tensor, weights: Tensor | None, gamma: float) -> Tensor:
    """Weighted mean over images of (1 - p)^gamma · (-log p), p being the true class's probability (equations 4 and 5).

    The mean divides by the sum of the images' weights, as PyTorch's cross-entropy does, so gamma = 0 gives the same.

    Args:
        logits: [N, C], finite.
        labels: [N], from 0 to C - 1.
        weights: [C], the weight of each class's images (the paper's alpha); None: all images weigh alike.
        gamma: the focusing parameter, at least 0.

    Returns:
        A scalar. Value and gradient are finite for every finite input.
    """
    log_all = logits.log_softmax(1)
    true = torch.nn.functional.one_hot(labels, logits.shape[1]).bool()
    log_p = log_all[true]
    # log (1 - p), from the other classes: 1 - p itself would be rounded to 0 where p is near 1
    log_not_p = log_all.masked_fill(true, -torch.inf).logsumexp(1)
    of_images = torch.ones_like(log_p) if weights is None else weights.to(log_p.dtype)[labels]
    return (of_images * torch.exp(gamma * log_not_p) * -log_p).sum() / of_images.sum()
