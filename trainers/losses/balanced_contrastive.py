"""BCL: supervised contrastive loss with class-averaging (Zhu et al. 2022, Balanced Contrastive Learning, CVPR)."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from trainers.losses.pairs import mean_over_positives, own_pairs


def balanced_contrastive_loss(z: Tensor, labels: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Mean over anchors of the supervised contrastive loss in which each class weighs alike in the denominator.

    With τ = temperature, B_c(i) the rows of class c in the batch without the anchor i itself, and y its class,

        M_c(i) = 1/|B_c(i)| · sum over k in B_c(i) of exp(z_i·z_k / τ)
        L_i    = - 1/|B_y(i)| · sum over p in B_y(i) of log( exp(z_i·z_p / τ) / sum over classes c of M_c(i) )

    where a class without rows in B_c(i) adds nothing.

    This is the paper's class-averaging, one of its two parts. Its class-complement is not here: it adds to each class a
    prototype, which comes from the weights of a classifier that is trained beside the encoder (the paper's second
    branch, with logit compensation). Stage one has no classifier. So this is the paper's loss where prototypes are
    left out, and not the whole method.

    Args:
        z: [N, D] unit rows, one for each view of each image; N ≥ 2.
        labels: [N] classes, from 0.
        temperature: τ > 0, in units of cosine similarity; the authors' code has 0.1.

    Returns:
        A scalar in nats, finite with a finite gradient. An anchor without positives adds nothing. Memory grows as N².

    Source: the paper's class-averaging, as its code has it (github.com/FlamieZhu/Balanced-Contrastive-Learning).
    """
    same = labels.unsqueeze(1) == labels
    itself = own_pairs(z)
    counts = one_hot(labels).sum(0)  # rows of each class, [C]
    others = counts[labels].unsqueeze(0) - same.long()  # |B_c(i)| for the class c of each column, [N, N]
    logits = (z @ z.T / temperature).masked_fill(itself, -torch.inf)
    averaged = logits - others.clamp(min=1).to(z.dtype).log()
    return mean_over_positives(logits - averaged.logsumexp(1, keepdim=True), same & ~itself)
