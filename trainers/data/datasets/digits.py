"""scikit-learn's digits: 1,797 handwritten digits of 8×8 pixels, bundled with the library, so nothing is fetched.

They have no official test split. So every fifth image of each class, in file order, is set aside for testing,
independently of the seed.
"""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainers.data.arrays import Images, Indices, Labels, Pool
from trainers.data_config import DataConfig
from trainers.errors import InputError

CLASS_NAMES = tuple("0123456789")
TEST_EVERY = 5


def open_train(config: DataConfig, root: Path) -> Pool:
    """The images that are not set aside for testing."""
    return _pool(config, test=False)


def open_test(config: DataConfig, root: Path) -> Pool:
    """The images that are set aside for testing: every fifth of each class."""
    return _pool(config, test=True)


def missing_test(config: DataConfig, root: Path) -> None:
    """Return None: there always is a test split."""


def is_test(labels: Labels) -> NDArray[np.bool_]:
    """[N], true for images that are set aside for testing: every fifth image of a class, in the order of `labels`."""
    chosen = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        chosen[np.flatnonzero(labels == label)[TEST_EVERY - 1 :: TEST_EVERY]] = True
    return chosen


def _pool(config: DataConfig, *, test: bool) -> Pool:
    if config.path is not None:
        raise InputError("data.path: digits come with scikit-learn, so path must be left out")
    everything, labels = _bundled()
    use = is_test(labels) == test
    images: Images = everything[use]

    def read(indices: Indices) -> Images:
        return images[indices]

    return Pool("Digits", "scikit-learn", CLASS_NAMES, labels[use], read)


@cache
def _bundled() -> tuple[Images, Labels]:
    """All images and their labels. A process reads them only once, because they are a compressed table of text."""
    from sklearn.datasets import load_digits  # imported only here: it takes two seconds

    bunch = load_digits()
    images: Images = np.rint(bunch.images[:, None] * (255 / 16)).astype(np.uint8)  # stored as 0..16
    return images, bunch.target.astype(np.int64)
