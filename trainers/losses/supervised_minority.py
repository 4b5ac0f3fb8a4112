"""SupMin: supervised minority loss (Mildenberger et al. 2025, A Tale of Two Classes, CVPR, arXiv 2503.17024)."""

from torch import Tensor

from trainers.losses.pairs import log_probabilities, mean_over_positives, own_pairs


def supervised_minority_loss(
    z: Tensor, labels: Tensor, *, images: Tensor, class_counts: Tensor, temperature: float = 0.07
) -> Tensor:
    """A loss that uses labels for the minority class only, so that the majority does not collapse; a mean over anchors.

    The mean is over L_i = - 1/|P(i)| · sum over j in P(i) of log p_ij for all rows i, where τ is the temperature and
    p_ij = exp(z_i·z_j / τ) / sum over k ≠ i of exp(z_i·z_k / τ). The minority is the class with the fewest training
    images (the first of them if several classes have the fewest). The positives P(i) of anchor i are

        all other rows of the minority, if row i is of the minority (as in L_out of Khosla et al.)
        the other views of its own image, if row i is of another class (as in SimCLR)

    The paper is about two classes. With more classes, every class except the minority is treated as the majority is.

    The authors' code multiplies the loss by τ / 0.07, which acts like another learning rate; this factor is left out.

    Args:
        z: [N, D] unit rows, one for each view of each image; N ≥ 2.
        labels: [N] classes, from 0.
        images: [N]; rows with the same number are views of the same image.
        class_counts: [C], how many training images each class has.
        temperature: τ > 0, in units of cosine similarity; the authors' code uses 0.07.

    Returns:
        A scalar in nats, finite with a finite gradient. An anchor without positives adds 0. Memory grows as N².

    Source: the authors' code (github.com/aiforvision/TTC, ratio_supervised_majority: 0.0).
    """
    of_minority = labels == class_counts.argmin()
    views = images.unsqueeze(1) == images
    positive = (views | (of_minority.unsqueeze(1) & of_minority)) & ~own_pairs(z)
    return mean_over_positives(log_probabilities(z, temperature), positive)
