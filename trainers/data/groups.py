"""Groups of images that belong together: equal numbers for images that must stay on one side of a split."""

from collections.abc import Iterable, Sequence

import numpy as np

from trainers.data.arrays import Groups


def numbered(names: Sequence[str]) -> Groups:
    """A group number for each image, from the names of the images' groups. An image with an empty name is alone."""
    first: dict[str, int] = {}
    return np.array([first.setdefault(name, k) if name else k for k, name in enumerate(names)], dtype=np.int64)


def of_sets(images: int, sets: Iterable[Sequence[int]]) -> Groups:
    """Group numbers [`images`]: each set of positions is one group, every other image a group of its own.

    The sets must not overlap.
    """
    groups = np.arange(images, dtype=np.int64)
    for positions in sets:
        groups[list(positions)] = positions[0]
    return groups


def united(one: Groups, other: Groups) -> Groups:
    """Join two groupings, each [N]: images that are together in either one are together in the result.

    Each image repeatedly takes the lowest number in its groups, until nothing changes.
    """
    first, second = (np.unique(groups, return_inverse=True)[1].reshape(-1) for groups in (one, other))
    merged = np.arange(len(one))
    while True:
        before = merged
        for groups in (first, second):
            lowest = np.full(len(one), len(one))
            np.minimum.at(lowest, groups, merged)
            merged = lowest[groups]
        if np.array_equal(before, merged):
            return merged.astype(np.int64)
