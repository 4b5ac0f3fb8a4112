"""How many images of each class validate where `data.val_per_class` is auto.

Where the sizes of the training classes are given, a dataset may have images to spare. They cost little: a validation
image is encoded once an epoch, a training image is trained on in two views. And they take away noise: with 250 images
of each of two classes the choice of images moves a balanced accuracy near .8 by .018, as much as what separates
configurations.

The luck of split and initialisation stays, however many images validate. Where the images' error is a third of it
(score_noise.py), more images tell nearly nothing: at n = 36 times the harmonic mean of the training classes, since
images_error = sqrt(.8 * .2 / (C n)) and seeds_error = .2 / C * sqrt(C / harmonic mean). In simulated searches at equal
time, twice as many as train were better than 250 at 900:100, and as good at 980:20
(results/bench/validation_images.md). In twelve whole searches on another pair of classes no difference was seen between
the configurations that they ranked first (results/bench/validation_size.md); the score's error is half as large.
"""

import math
from collections.abc import Sequence

import numpy as np

from trainers.data.arrays import Groups, Indices, Labels, TrialData
from trainers.data.score_noise import SEEDS
from trainers.data.splits import train_counts
from trainers.data_config import DataConfig

PART = 5  # one in so many validates where all images are wanted for training
PER_TRAINING_IMAGE = 2  # validation images at most, of all classes together: they cost a tenth of the epoch
# times the harmonic mean of the training classes: with more images their error is below a third of the seeds'
USEFUL = round(3**2 * 0.8 * 0.2 / SEEDS**2)


def val_per_class(
    config: DataConfig, labels: Labels, classes: Sequence[int], names: Sequence[str], groups: Groups | None
) -> int:
    """The number of validation images of each class: what the config says, or what `auto` comes to."""
    if config.val_per_class != "auto":
        return config.val_per_class
    sizes = {name: getattr(config, name) for name in ("train_size", "ratio", "counts", "long_tail", "val_per_group")}
    return auto_val_per_class(labels, classes, names, groups=groups, **sizes)


def without_auto(config: DataConfig, data: TrialData) -> DataConfig:
    """The config with the number that `auto` came to in `data`, so that a later rule does not change the split."""
    if config.val_per_class != "auto" or data.has_given_validation:
        return config
    number = min(data.validation.counts(len(data.class_names)))
    return config.model_copy(update={"val_per_class": number})


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

    With `counts`, or with `train_size` and `ratio` or `long_tail`: what training leaves of the scarcest class, but at
    most PER_TRAINING_IMAGE times the mean training class, and at most USEFUL times their harmonic mean. A group that
    validates is taken to be one of the largest, and to give one image. Without such sizes: as many images as a fifth
    of the groups gives, of the class with the fewest. An image that belongs to no other is a group of its own.

    Raises:
        InputError: a class has too few images for the training sizes and one validation image.
    """
    sizes = [group_sizes(labels, label, groups) for label in classes]
    if counts is None and (train_size is None or (ratio is None and long_tail is None)):
        return part_of(min(sizes, key=len), val_per_group)
    left = [max(int(of_class.sum()) - 1, 0) for of_class in sizes]
    train = train_counts(left, names, train_size=train_size, ratio=ratio, counts=counts, long_tail=long_tail)
    spare = min(_spare(of_class, trains) for of_class, trains in zip(sizes, train, strict=True))
    mean, harmonic = sum(train) / len(train), len(train) / sum(1 / trains for trains in train)
    return max(1, min(spare, math.floor(PER_TRAINING_IMAGE * mean), math.ceil(USEFUL * harmonic)))


def group_sizes(labels: Labels, label: int, groups: Groups | None) -> Indices:
    """How many images each group of a class has, largest first; ones without groups."""
    members = np.flatnonzero(labels == label)
    if groups is None:
        return np.ones(len(members), dtype=np.int64)
    return np.sort(np.unique(groups[members], return_counts=True)[1])[::-1]


def part_of(sizes: Indices, val_per_group: int) -> int:
    """How many images a fifth of the groups gives, at most `val_per_group` of each; at least one."""
    return max(1, int(max(1, len(sizes) // PART) * np.minimum(sizes, val_per_group).mean()))


def _spare(sizes: Indices, trains: int) -> int:
    """How many groups may validate so that `trains` images are left, even if the largest do."""
    left = int(sizes.sum()) - np.cumsum(sizes)
    return int((left >= trains).sum())
