"""Two diagnostics of an embedding on imbalanced data (Mildenberger et al. 2025, CVPR, arXiv 2503.17024), by class.

Balanced accuracy does not show when a class collapses to a point; these do. They are measured on two augmented views of
validation images, and nothing is decided by them.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

NEIGHBOURHOOD = 0.05  # of all rows, as the authors' code has it
MOST_IMAGES = 2000  # measured at most: the work grows as the square of their number


def sample_alignment(z: Tensor, images: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Sample alignment accuracy: the share of rows whose nearest other row is another view of their own image.

    Args:
        z: [N, D] unit rows, several views of each image.
        images: [N]; rows with one number are views of one image.
        labels: [N], from 0 to classes - 1.
        classes: C.

    Returns:
        [C], the share among the rows of each class; NaN for a class without rows.
    """
    nearest = _similarities(z).argmax(1)
    return _mean_by_class(images[nearest] == images, labels, classes)


def class_alignment(z: Tensor, labels: Tensor, classes: int, neighbourhood: float = NEIGHBOURHOOD) -> Tensor:
    """Class alignment consistency: the share of rows of its own class among the rows nearest to a row.

    Args:
        z: [N, D] unit rows.
        labels: [N], from 0 to classes - 1.
        classes: C.
        neighbourhood: how many rows are near, as a share of all N; at least one, and never the row itself.

    Returns:
        [C], the mean over the rows of each class; NaN for a class without rows.
    """
    near = _similarities(z).topk(max(1, int(neighbourhood * len(z))), dim=1).indices
    return _mean_by_class((labels[near] == labels.unsqueeze(1)).double().mean(1), labels, classes)


def _similarities(z: Tensor) -> Tensor:
    """z_i·z_j [N, N], which falls as the distance of unit rows grows; -inf for a row and itself."""
    return (z @ z.T).fill_diagonal_(-torch.inf)


def _mean_by_class(values: Tensor, labels: Tensor, classes: int) -> Tensor:
    sums = torch.zeros(classes, dtype=torch.float64, device=values.device).index_add_(0, labels, values.double())
    return sums / torch.bincount(labels, minlength=classes)


def alignment_metrics(
    embed: Callable[[Tensor], Tensor], labels: Tensor, class_names: Sequence[str], draws: torch.Generator
) -> dict[str, float]:
    """Both diagnostics as a trial reports them: `val_sample_alignment/NAME` and `val_class_alignment/NAME`.

    Args:
        embed: unit rows [n, D] of one augmented view of the images with these indices [n]. Each call draws a view.
        labels: [M], of the validation images.
        class_names: of the C classes.
        draws: a CPU generator, for the choice of images where there are more than MOST_IMAGES.
    """
    chosen = torch.randperm(len(labels), generator=draws)[:MOST_IMAGES].sort().values.to(labels.device)
    z = torch.cat([embed(chosen), embed(chosen)])
    images, of_rows = chosen.repeat(2), labels[chosen].repeat(2)
    measured = {
        "sample_alignment": sample_alignment(z, images, of_rows, len(class_names)),
        "class_alignment": class_alignment(z, of_rows, len(class_names)),
    }
    return {
        f"val_{measure}/{name}": value
        for measure, by_class in measured.items()
        for name, value in zip(class_names, by_class.tolist(), strict=True)
        if value == value  # a class of which no image was chosen has none
    }
