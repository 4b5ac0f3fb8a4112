"""Softmax cross-entropy, weighted by class or not."""

from torch import Tensor
from torch.nn import functional


def cross_entropy_loss(logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
    """Weighted mean over images of -log p, where p = exp(f_y) / sum over classes c of exp(f_c) for the true class y.

    The mean divides by the sum of the images' weights, so that the scale of the weights changes nothing. With weights
    inverse to the classes' frequencies every class counts alike (King & Zeng 2001, Political Analysis 9:137).

    Args:
        logits: f, [N, C], finite.
        labels: y, [N], from 0 to C - 1.
        weights: [C], the weight of each class's images; None: all images weigh alike.

    Returns:
        A scalar. Value and gradient are finite for every finite input.
    """
    return functional.cross_entropy(logits, labels, None if weights is None else weights.to(logits.dtype))
