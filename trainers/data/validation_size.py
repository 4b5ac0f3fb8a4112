"""How many images of each class validate where `data.val_per_class` is auto.

Where the training sizes are given, a dataset may have images to spare. They cost little: a validation image is encoded
once an epoch, a training image is trained on in two views. And they take away noise: with 250 images of each of two
classes the choice of images moves a balanced accuracy near .8 by .018, as much as what separates configurations.

The luck of split and initialisation stays, however many images validate. Where the images' error is a third of it
(score_noise.py), more images tell nearly nothing: at n = 36 times the harmonic mean of the training classes, since
images_error = sqrt(.8 * .2 / (C n)) and seeds_error = .2 / C * sqrt(C / harmonic mean). Twice as many as train were
chosen on simulated searches at equal time (results/bench/validation_images.md).
"""

import math
from collections.abc import Sequence

import numpy as np

from trainers.data.arrays import Groups, Labels
from trainers.data.score_noise import SEEDS
from trainers.data.splits import train_counts

SHARE = 5  # one in so many validates where all images are wanted for training
MOST = 2  # times the training images: validation images of all classes together, which cost a tenth of the epoch
ENOUGH = round(3**2 * 0.8 * 0.2 / SEEDS**2)  # times the harmonic mean of the training classes: a third of the seeds'


def auto_val_per_class(
    labels: Labels,
    classes: Sequence[int],
    names: Sequence[str],
    *,
    train_size: int | None = None,
    ratio: Sequence[float] | None = None,
    counts: Sequence[int] | None = None,
    long_tail: float | None = None,
    groups: Groups | None = None,
    val_per_group: int = 1,
) -> int:
    """The number of validation images of each class; the arguments are those of `splits.split_indices`.

    With `train_size` or `counts`, and images that are independent: what training leaves of the scarcest class, but
    at most MOST times the mean training class, and at most ENOUGH times their harmonic mean. Otherwise a fifth of the
    smallest class, or of the groups of the class that has the fewest, with `val_per_group` images of each.

    Raises:
        InputError: a class has too few images for the training sizes and one validation image.
    """
    if groups is None and (train_size is not None or counts is not None):
        there = [int((labels == label).sum()) for label in classes]
        left = [max(number - 1, 0) for number in there]
        train = train_counts(left, names, train_size=train_size, ratio=ratio, counts=counts, long_tail=long_tail)
        spare = min(number - trains for number, trains in zip(there, train, strict=True))
        mean = sum(train) / len(train)
        harmonic = len(train) / sum(1 / trains for trains in train)
        return max(1, min(spare, math.floor(MOST * mean), math.ceil(ENOUGH * harmonic)))
    return val_per_group * share(smallest_class(labels, classes, groups))


def smallest_class(labels: Labels, classes: Sequence[int], groups: Groups | None) -> int:
    """The images of the class that has the fewest, or its groups, where there are groups."""
    counted = [labels == label for label in classes]
    return min(int(one.sum()) if groups is None else len(np.unique(groups[one])) for one in counted)


def share(number: int) -> int:
    """How many of so many images or groups validate: a fifth, at least one."""
    return max(1, number // SHARE)
