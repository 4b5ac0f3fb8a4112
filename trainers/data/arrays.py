"""What datasets return: plain NumPy arrays, which Ray's object store shares between workers without a copy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Images: TypeAlias = NDArray[np.uint8]  # [N, C, H, W], 0..255
Labels: TypeAlias = NDArray[np.int64]  # [N]
Logits: TypeAlias = NDArray[np.float32]  # [N, classes]
Indices: TypeAlias = NDArray[np.int64]
Groups: TypeAlias = NDArray[np.int64]  # [N], equal for images that show the same thing
Digests: TypeAlias = NDArray[np.uint64]  # [N, 2], equal for images of the same pixels


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels. A label is a position in a tuple of class names, such as `TrialData.class_names`."""

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def counts(self, classes: int) -> tuple[int, ...]:
        """The number of images of each class, in class order; `classes` is the number of classes."""
        return tuple(np.bincount(self.labels, minlength=classes).tolist())


@dataclass(frozen=True, eq=False)
class TrialData:
    """Everything that a trial may see. The arrays are read-only, as they are in a worker that got them from Ray."""

    train: Split
    validation: Split
    class_names: tuple[str, ...]
    fingerprint: str  # hex; equal for the same images in the same order
    description: str  # for people: dataset, classes, training images of each, where the images come from
    remarks: tuple[str, ...] = ()  # for people: surprising facts about these images
    look: Mapping[str, Any] | None = None  # size, colours … of image files (trainers.data.io.look); None: no files
    has_given_validation: bool = False  # whether the validation split is the user's own, not drawn by seed


@dataclass(frozen=True, eq=False)
class Pool:
    """The labelled images of a dataset: either those for training and validation, or those of the test split.

    No image file is decoded before `read`, `digest` or `look` is called.
    """

    name: str
    source: str  # where the images come from, in words; never a path
    class_names: tuple[str, ...]
    labels: Labels
    read: Callable[[Indices], Images]
    groups: Groups | None = None  # None: every image stands for itself
    digest: Callable[[Indices], Digests] | None = None  # None: digests are computed from what `read` returns
    names: Sequence[str] = ()  # of the images, for people; empty if they have none
    group_names: Sequence[str] = ()  # each image's group, "" for an image without one; empty if there are no groups
    grouped_by: str = ""  # where the group names come from, for people
    remarks: tuple[str, ...] = ()  # for people: what was passed over
    validates: NDArray[np.bool_] | None = None  # [N], true: in the user's own validation split; None: one is drawn
    look: Callable[[], Mapping[str, Any]] | None = None  # returns `TrialData.look`; None: no files
