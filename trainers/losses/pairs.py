"""What several contrastive losses share: the log probabilities of pairs, and the mean over each anchor's positives."""

import torch
from torch import Tensor


def log_probabilities(z: Tensor, temperature: float) -> Tensor:
    """log p_ij [N, N], where p_ij = exp(z_i·z_j / τ) / sum over k ≠ i of exp(z_i·z_k / τ); -inf on the diagonal.

    Args:
        z: [N, D] unit rows, N ≥ 2.
        temperature: τ > 0, in units of cosine similarity.
    """
    logits = (z @ z.T / temperature).masked_fill(own_pairs(z), -torch.inf)
    return logits - logits.logsumexp(1, keepdim=True)


def own_pairs(z: Tensor) -> Tensor:
    """The pairs of a row with itself: [N, N] bool, True on the diagonal. z: [N, D]."""
    return torch.eye(len(z), dtype=torch.bool, device=z.device)


def mean_over_positives(log_p: Tensor, positive: Tensor) -> Tensor:
    """The mean over all N anchors of - 1/|P(i)| · sum over j in P(i) of log p_ij. An anchor without positives adds 0.

    Args:
        log_p: [N, N]; entries that are not positives may be infinite.
        positive: [N, N] bool; row i is True at the anchor's positives P(i).
    """
    return -(log_p.where(positive, 0.0).sum(1) / positive.sum(1).clamp(min=1)).mean()
