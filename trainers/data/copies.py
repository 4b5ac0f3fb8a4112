"""Equal images, within a pool or between two pools: images with the same pixels once they are read for a model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainers.data.arrays import Digests, Groups, Indices, Pool
from trainers.data.groups import of_sets, united
from trainers.data.io import digests


@dataclass(frozen=True)
class Copies:
    """Sets of equal images in one pool, as indices into the pool; each set is in the pool's order."""

    alike: tuple[tuple[int, ...], ...]  # each set has two or more images

    @property
    def surplus(self) -> list[tuple[int, int]]:
        """A pair (image, first image of its set) for every image that is not the first of its set."""
        return [(image, first) for first, *others in self.alike for image in others]


def used_by(pool: Pool, classes: Sequence[int]) -> Indices:
    """Indices of the pool's images whose label is among `classes`."""
    return np.flatnonzero(np.isin(pool.labels, list(classes)))


def copies_in(pool: Pool, classes: Sequence[int]) -> Copies:
    """The sets of equal images among the pool's images whose label is among `classes`."""
    used = used_by(pool, classes)
    return Copies(tuple(tuple(used[same].tolist()) for same in _alike(_digests(pool, used))))


def copies_between(pool: Pool, other: Pool, classes: Sequence[int]) -> list[tuple[int, int]]:
    """For each image of `other` that equals one of `pool`: (its index, the index of the first image that it equals).

    Only images whose label is among `classes` are compared.
    """
    ours, theirs = used_by(pool, classes), used_by(other, classes)
    found = []
    for same in _alike(np.concatenate([_digests(pool, ours), _digests(other, theirs)])):
        if same[0] < len(ours):
            found += [(int(theirs[k - len(ours)]), int(ours[same[0]])) for k in same if k >= len(ours)]
    return sorted(found)


def belonging(pool: Pool, copies: Copies) -> Groups | None:
    """Group numbers [N] of the pool's images: images with equal numbers must stay on one side of a split.

    They are the pool's groups; groups that share equal images become one. None if the pool has neither groups nor equal
    images.
    """
    if not copies.alike:
        return pool.groups
    equal = of_sets(len(pool.labels), copies.alike)
    return equal if pool.groups is None else united(pool.groups, equal)


def _digests(pool: Pool, indices: Indices) -> Digests:
    if pool.digest is not None:
        return pool.digest(indices)
    return digests.in_stretches(pool.read, indices, pool.read(indices[:1]).nbytes or 1)


def _alike(marks: Digests) -> list[list[int]]:
    """Sets of two or more positions in `marks` with the same digest, each set in ascending order."""
    _, number, count = np.unique(marks, axis=0, return_inverse=True, return_counts=True)
    number = number.reshape(-1)
    repeated = np.flatnonzero(count[number] > 1)
    sets: dict[int, list[int]] = {}
    for position in repeated.tolist():
        sets.setdefault(int(number[position]), []).append(position)
    return list(sets.values())
