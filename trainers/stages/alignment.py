"""Two diagnostics of an embedding on imbalanced data (Mildenberger et al. 2025, CVPR, arXiv 2503.17024), by class.

They show whether a class collapses to a point, which balanced accuracy does not show. They are measured on two
augmented views of each validation image, or of a sample of 2,000. They are only reported: no decision of a search
depends on them.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

NEIGHBOURHOOD = 0.05  # share of all rows that count as near, as in the authors' code
MOST_IMAGES = 2000  # if there are more, a sample is measured: the work grows with the square of the number


def sample_alignment(z: Tensor, images: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Sample alignment accuracy: the share of rows whose nearest other row is another view of their own image.

    Args:
        z: [N, D] unit rows, several views of each image.
        images: [N]; rows with the same number are views of the same image.
        labels: [N], from 0 to classes - 1.
        classes: C.

    Returns:
        [C], the share among the rows of each class; NaN for a class without rows.
    """
    nearest = _similarities(z).argmax(1)
    return _mean_by_class(images[nearest] == images, labels, classes)


def class_alignment(z: Tensor, labels: Tensor, classes: int, neighbourhood: float = NEIGHBOURHOOD) -> Tensor:
    """Class alignment consistency: among the rows nearest to a row, the share that has the row's class.

    Args:
        z: [N, D] unit rows.
        labels: [N], from 0 to classes - 1.
        classes: C.
        neighbourhood: the share of the N rows that count as near to a row: at least one row, but not the row itself.

    Returns:
        [C], the mean of this share over the rows of each class; NaN for a class without rows.
    """
    near = _similarities(z).topk(max(1, int(neighbourhood * len(z))), dim=1).indices
    return _mean_by_class((labels[near] == labels.unsqueeze(1)).double().mean(1), labels, classes)


def _similarities(z: Tensor) -> Tensor:
    """The similarities z_i·z_j of all pairs of unit rows, [N, N]; -inf for the pair of a row with itself."""
    return (z @ z.T).fill_diagonal_(-torch.inf)


def _mean_by_class(values: Tensor, labels: Tensor, classes: int) -> Tensor:
    sums = torch.zeros(classes, dtype=torch.float64, device=values.device).index_add_(0, labels, values.double())
    return sums / torch.bincount(labels, minlength=classes)


def alignment_metrics(
    embed: Callable[[Tensor], Tensor], labels: Tensor, class_names: Sequence[str], draws: torch.Generator
) -> dict[str, float]:
    """Both diagnostics of the validation images, by the names under which a trial reports them.

    Args:
        embed: takes indices of validation images [n] and returns unit rows [n, D]. Each call draws a new view.
        labels: [M], the classes of the validation images.
        class_names: the names of the C classes.
        draws: a generator on the CPU, which chooses MOST_IMAGES images if there are more.

    Returns:
        `val_sample_alignment/NAME` and `val_class_alignment/NAME` for each class NAME, except for classes of which no
        image was chosen.
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
        if value == value  # NaN: no image of this class was chosen
    }
