"""Logit-adjusted cross-entropy (Menon et al. 2021, Long-tail learning via logit adjustment, arXiv 2007.07314)."""

from torch import Tensor

from trainers.losses.cross_entropy import cross_entropy_loss


def logit_adjusted_loss(logits: Tensor, labels: Tensor, prior: Tensor, tau: float) -> Tensor:
    """Mean over images of the paper's equation 10, where p_c is the prior of class c and y the true class:

        -log( exp(f_y + tau · log p_y) / sum over classes c of exp(f_c + tau · log p_c) )

    So in training a rare class has to score higher than it needs to in use, where the largest f alone decides. With
    tau = 1 the best f minimises the balanced error; tau = 0 is cross-entropy.

    Args:
        logits: f, [N, C], finite.
        labels: y, [N], from 0 to C - 1.
        prior: p, [C], above 0: the classes' shares among the images drawn for training.
        tau: how far logits are adjusted, at least 0.

    Returns:
        A scalar. Value and gradient are finite for every finite input.
    """
    return cross_entropy_loss(logits + tau * prior.to(logits.dtype).log(), labels)
