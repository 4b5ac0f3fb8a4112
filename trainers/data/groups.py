"""Group numbers of images: images with equal numbers belong together, and must stay on one side of a split."""

from collections.abc import Iterable, Sequence

import numpy as np

from trainers.data.arrays import Groups


def numbered(names: Sequence[str]) -> Groups:
    """Group numbers [N] from each image's group name. An image whose group name is empty is a group of its own."""
    first: dict[str, int] = {}
    return np.array([first.setdefault(name, k) if name else k for k, name in enumerate(names)], dtype=np.int64)


def of_sets(images: int, sets: Iterable[Sequence[int]]) -> Groups:
    """Group numbers of `images` images: the positions in one set are one group, any other image is its own group.

    The sets must not overlap.
    """
    groups = np.arange(images, dtype=np.int64)
    for positions in sets:
        groups[list(positions)] = positions[0]
    return groups


def united(one: Groups, other: Groups) -> Groups:
    """Join two groupings, each [N]: images that share a group in either grouping share one in the result.

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
