"""The split if the user gives the validation images: all of them validate, and no other images do."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainers.data.arrays import Groups, Indices, Labels
from trainers.data.splits import check_shape, class_order, train_counts
from trainers.errors import InputError


def given_indices(
    labels: Labels,
    classes: Sequence[int],
    names: Sequence[str],
    validates: NDArray[np.bool_],
    *,
    seed: int,
    train_size: int | None = None,
    ratio: Sequence[float] | None = None,
    counts: Sequence[int] | None = None,
    long_tail: float | None = None,
    groups: Groups | None = None,
) -> tuple[Indices, Indices]:
    """Indices of the training and of the validation images, class after class, as `split_indices` returns them.

    `validates`, [N], is true for the images of the user's validation split. If `train_size`, `ratio`, `counts` or
    `long_tail` ask for only some of the other images, the seed decides which of them train. `groups`, [N], is equal for
    images that belong together: if one image of a group validates, no image of the group trains. Raises InputError if a
    class has no validation image, or fewer training images than asked for.
    """
    check_shape(len(names), ratio, counts)
    for_training = np.where(validates, -1, labels)
    orders = [class_order(for_training, label, seed) for label in classes]
    validation = [np.flatnonzero(validates & (labels == label)) for label in classes]
    for name, there in zip(names, validation, strict=True):
        if not len(there):
            raise InputError(f"data.path: the validation split has no image of class {name!r}")
    if groups is not None:
        barred = groups[np.concatenate(validation)]
        orders = [order[~np.isin(groups[order], barred)] for order in orders]
        for name, order in zip(names, orders, strict=True):
            if not len(order):
                raise InputError(
                    f"data.path: every training image of class {name!r} is in a group of which an image validates"
                )
    available = [len(order) for order in orders]
    wanted = train_counts(available, names, train_size=train_size, ratio=ratio, counts=counts, long_tail=long_tail)
    train = [order[:number] for order, number in zip(orders, wanted, strict=True)]
    return np.concatenate(train), np.concatenate(validation)
