"""SupMin: supervised minority loss (Mildenberger et al. 2025, A Tale of Two Classes, CVPR, arXiv 2503.17024)."""

from torch import Tensor

from trainers.losses.pairs import log_probabilities, mean_over_positives, own_pairs


def supervised_minority_loss(
    z: Tensor, labels: Tensor, *, images: Tensor, class_counts: Tensor, temperature: float = 0.07
) -> Tensor:
    """Mean over anchors of a loss that is supervised for the minority alone, so that the majority does not collapse.

    With τ = temperature, p_ij = exp(z_i·z_j / τ) / sum over k ≠ i of exp(z_i·z_k / τ), and the minority the class with
    the fewest training images (of several such, the first), the positives P(i) of an anchor are

        all other rows of the minority, if the anchor is of the minority (as in L_out of Khosla et al.)
        the other views of its own image, if not (as in SimCLR)

    and L_i = - 1/|P(i)| · sum over j in P(i) of log p_ij. The paper is about two classes. With more, every class but
    the rarest is treated as the majority is here.

    The authors' code multiplies the loss by τ / 0.07, which is a factor of the learning rate; here it is left out.

    Args:
        z: [N, D] unit rows, one for each view of each image; N ≥ 2.
        labels: [N] classes, from 0.
        images: [N]; rows with one number are views of one image.
        class_counts: [C], the training images of each class.
        temperature: τ > 0, in units of cosine similarity; the authors' code has 0.07.

    Returns:
        A scalar in nats, finite with a finite gradient. An anchor without positives adds nothing. Memory grows as N².

    Source: the paper's code (github.com/aiforvision/TTC, ratio_supervised_majority: 0.0).
    """
    of_minority = labels == class_counts.argmin()
    views = images.unsqueeze(1) == images
    positive = (views | (of_minority.unsqueeze(1) & of_minority)) & ~own_pairs(z)
    return mean_over_positives(log_probabilities(z, temperature), positive)
