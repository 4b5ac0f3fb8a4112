"""Images that belong together, as numbers: equal numbers for what must not stand on two sides of a split."""

from collections.abc import Iterable, Sequence

import numpy as np

from trainers.data.arrays import Groups


def numbered(names: Sequence[str]) -> Groups:
    """A number for each name. An image whose name is empty is a group of its own."""
    first: dict[str, int] = {}
    return np.array([first.setdefault(name, k) if name else k for k, name in enumerate(names)], dtype=np.int64)


def of_sets(images: int, sets: Iterable[Sequence[int]]) -> Groups:
    """So many images, of which those of each set of positions are a group; the sets share none."""
    groups = np.arange(images, dtype=np.int64)
    for positions in sets:
        groups[list(positions)] = positions[0]
    return groups


def united(one: Groups, other: Groups) -> Groups:
    """The finest groups that hold together what either of two groupings does. Both: [N].

    Each image takes the lowest number that anything it belongs with has, until nothing changes.
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
