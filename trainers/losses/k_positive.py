"""KCL: k-positive contrastive loss (Kang et al. 2021, Exploring Balanced Feature Spaces, ICLR)."""

import torch
from torch import Tensor

from trainers.losses.pairs import log_probabilities, mean_over_positives, own_pairs


def k_positive_loss(
    z: Tensor, labels: Tensor, *, images: Tensor, generator: torch.Generator, k: int = 6, temperature: float = 0.07
) -> Tensor:
    """Mean over anchors of the contrastive loss with equally many positives for each class, frequent or rare.

    With τ = temperature, p_ij = exp(z_i·z_j / τ) / sum over l ≠ i of exp(z_i·z_l / τ), V(i) the other views of the
    anchor's image, and S_k(i) a random choice of k rows with the anchor's label (all where there are fewer) among the
    views of other images,

        L_i = - 1/(|V(i)| + |S_k(i)|) · sum over j in V(i) and S_k(i) of log p_ij

    k = 0 is the loss of SimCLR (NT-Xent); a large k is L_out of Khosla et al. The paper takes keys from a momentum
    encoder and positives from its queue; here both are the rows of the batch, as in the code of Mildenberger et al.
    2025. Rows of the same class that were not chosen stay in the denominator, as by default in the authors' code.

    Args:
        z: [N, D] unit rows, one for each view of each image; N ≥ 2.
        labels: [N] classes.
        images: [N]; rows with one number are views of one image.
        generator: of the CPU, for the choice of positives.
        k: how many positives beside the views, at least 0; the paper has 6.
        temperature: τ > 0, in units of cosine similarity; the authors' code has 0.07.

    Returns:
        A scalar in nats, finite with a finite gradient. An anchor without positives adds nothing. Memory grows as N².

    Source: the paper's code (github.com/bingykang/BalFeat), and for batches github.com/aiforvision/TTC.
    """
    views = (images.unsqueeze(1) == images) & ~own_pairs(z)
    candidates = (labels.unsqueeze(1) == labels) & (images.unsqueeze(1) != images)
    positive = views | chosen(candidates, k, generator)
    return mean_over_positives(log_probabilities(z, temperature), positive)


def chosen(candidates: Tensor, k: int, generator: torch.Generator) -> Tensor:
    """A random choice of k True entries in each row of [N, N], without repetition; all where a row has fewer."""
    k = min(k, len(candidates))
    draws = torch.rand(candidates.shape, generator=generator).to(candidates.device)
    draws = draws.masked_fill(~candidates, -1.0)  # draws are at least 0: no candidate comes behind the others
    taken = torch.zeros_like(candidates).scatter_(1, draws.topk(k, dim=1).indices, True)
    return taken & candidates
