"""By how much luck moves a balanced accuracy: that of the validation images, and that of split and initialisation."""

import math
from collections.abc import Sequence

SEEDS = 0.2  # a class's recall varies over seeds by about so much / sqrt(its training images): see `seeds_error`


def images_error(counts: Sequence[int], recall: float = 0.8) -> float:
    """The standard error from the choice of images (binomial); `counts` are the validation images of each class."""
    return math.sqrt(sum(recall * (1 - recall) / count for count in counts)) / len(counts)


def seeds_error(counts: Sequence[int]) -> float:
    """The standard deviation over splits and initialisations; `counts` are the training images of each class.

    A rule of thumb, for a small encoder on Fashion-MNIST: .2 / C * sqrt(sum of 1 / N_c) over C classes. In our study of
    two classes (results/README.md), whose rare one had 400, 100 and 20 images, it gives .006, .011 and .023, and the
    best configuration of each loss had .006 to .008, .009 to .016 and .015 to .039 over 20 seeds, on one set of images.
    """
    return SEEDS / len(counts) * math.sqrt(sum(1 / count for count in counts))
