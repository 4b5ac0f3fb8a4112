"""KCL: k-positive contrastive loss (Kang et al. 2021, Exploring Balanced Feature Spaces, ICLR)."""

import torch
from torch import Tensor

from trainers.losses.pairs import log_probabilities, mean_over_positives, own_pairs


def k_positive_loss(
    z: Tensor, labels: Tensor, *, images: Tensor, generator: torch.Generator, k: int = 6, temperature: float = 0.07
) -> Tensor:
    """A contrastive loss with the same number of positives for frequent and rare classes, as a mean over anchors.

    The mean is over the losses L_i of all rows i. τ is the temperature, p_ij = exp(z_i·z_j / τ) / sum over l ≠ i of
    exp(z_i·z_l / τ), and V(i) the other views of the image of row i. S_k(i) are k rows chosen at random among the views
    of other images with the same label as row i, or all of these rows if there are fewer than k:

        L_i = - 1/(|V(i)| + |S_k(i)|) · sum over j in V(i) and S_k(i) of log p_ij

    With k = 0 this is the loss of SimCLR (NT-Xent), and with a large k it is L_out of Khosla et al. The paper takes
    keys from a momentum encoder and positives from its queue; here both are rows of the batch, as in the code of
    Mildenberger et al. 2025. Rows of the anchor's class that were not chosen stay in the denominator, which is the
    default of the authors' code.

    Args:
        z: [N, D] unit rows, one for each view of each image; N ≥ 2.
        labels: [N] classes.
        images: [N]; rows with the same number are views of the same image.
        generator: a generator on the CPU, which draws the positives.
        k: how many positives an anchor has besides its other views, k ≥ 0; the paper uses 6.
        temperature: τ > 0, in units of cosine similarity; the authors' code uses 0.07.

    Returns:
        A scalar in nats, finite with a finite gradient. An anchor without positives adds 0. Memory grows as N².

    Source: the authors' code (github.com/bingykang/BalFeat); its form for batches: github.com/aiforvision/TTC.
    """
    views = (images.unsqueeze(1) == images) & ~own_pairs(z)
    candidates = (labels.unsqueeze(1) == labels) & (images.unsqueeze(1) != images)
    positive = views | chosen(candidates, k, generator)
    return mean_over_positives(log_probabilities(z, temperature), positive)


def chosen(candidates: Tensor, k: int, generator: torch.Generator) -> Tensor:
    """In each row of `candidates` keep k True entries, chosen at random, or all if the row has fewer than k.

    candidates: [N, N] bool. Returns [N, N] bool.
    """
    k = min(k, len(candidates))
    draws = torch.rand(candidates.shape, generator=generator).to(candidates.device)
    draws = draws.masked_fill(~candidates, -1.0)  # below every draw, so that candidates come first
    taken = torch.zeros_like(candidates).scatter_(1, draws.topk(k, dim=1).indices, True)
    return taken & candidates
