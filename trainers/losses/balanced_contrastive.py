"""BCL: supervised contrastive loss with class-averaging (Zhu et al. 2022, Balanced Contrastive Learning, CVPR)."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from trainers.losses.pairs import mean_over_positives, own_pairs


def balanced_contrastive_loss(z: Tensor, labels: Tensor, *, temperature: float = 0.1) -> Tensor:
    """The supervised contrastive loss with equal weight for each class in the denominator, as a mean over anchors.

    The mean is over the losses L_i of all rows i. τ is the temperature, B_c(i) the set of the batch's rows of class c
    without row i, and y the class of row i:

        M_c(i) = 1/|B_c(i)| · sum over k in B_c(i) of exp(z_i·z_k / τ)
        L_i    = - 1/|B_y(i)| · sum over p in B_y(i) of log( exp(z_i·z_p / τ) / sum over classes c of M_c(i) )

    A class c for which B_c(i) is empty adds nothing to the sum over classes.

    This is class-averaging, one of the two parts of the paper's loss. The other part, class-complement, is left out. It
    adds one prototype to each class. The prototypes are computed from the weights of a classifier, which the paper
    trains beside the encoder. Our stage one has no such classifier.

    Args:
        z: [N, D] unit rows, one for each view of each image; N ≥ 2.
        labels: [N] classes, from 0.
        temperature: τ > 0, in units of cosine similarity; the authors' code uses 0.1.

    Returns:
        A scalar in nats, finite with a finite gradient. An anchor without positives adds 0. Memory grows as N².

    Source: the paper's class-averaging, as in the authors' code (github.com/FlamieZhu/Balanced-Contrastive-Learning).
    """
    same = labels.unsqueeze(1) == labels
    itself = own_pairs(z)
    counts = one_hot(labels).sum(0)  # rows of each class, [C]
    others = counts[labels].unsqueeze(0) - same.long()  # |B_c(i)| for the class c of each column, [N, N]
    logits = (z @ z.T / temperature).masked_fill(itself, -torch.inf)
    averaged = logits - others.clamp(min=1).to(z.dtype).log()
    return mean_over_positives(logits - averaged.logsumexp(1, keepdim=True), same & ~itself)
