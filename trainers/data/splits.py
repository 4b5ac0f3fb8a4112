"""Which images train and which validate: pure functions on label arrays.

Each class is shuffled once, with a random stream of its own. Validation takes images from the front of that order,
training from the back. So a smaller set of a class is part of a larger one, and a change in one class does not affect
the order of the others. The validation images depend on ratio and size only where their number does
(`data.val_per_class: auto`).

Images that show one thing (a lesion from two sides) are a group, and a group never both trains and validates. The
images of a group are neighbours in the order. Validation takes one image of each of the first groups, and the other
images of those groups are left out of both sides. So the validation images of a class are independent of each other,
and as many as were asked for. If groups are few and large (twenty patients with a hundred images each),
`val_per_group` may let more than one image of a group validate; these are then not independent.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from trainers.data.arrays import Groups, Indices, Labels
from trainers.errors import InputError


def check_shape(classes: int, ratio: Sequence[float] | None, counts: Sequence[int] | None) -> None:
    """Raise InputError if `ratio` or `counts` is given without one number for each of the `classes` classes."""
    for field, shape in (("ratio", ratio), ("counts", counts)):
        if shape is not None and len(shape) != classes:
            raise InputError(f"data.{field}: needs one number per class, but got {len(shape)} for {classes} classes")


def split_indices(
    labels: Labels,
    classes: Sequence[int],
    names: Sequence[str],
    *,
    val_per_class: int,
    seed: int,
    train_size: int | None = None,
    ratio: Sequence[float] | None = None,
    counts: Sequence[int] | None = None,
    long_tail: float | None = None,
    groups: Groups | None = None,
    val_per_group: int = 1,
) -> tuple[Indices, Indices]:
    """Indices into `labels` of the training images and of the validation images, class after class.

    Args:
        labels: [N].
        classes: the labels to use; `ratio`, `counts` and the long tail follow their order.
        names: the names of `classes`, for errors.
        val_per_class: how many images of each class validate.
        seed: decides the order of each class.
        train_size, ratio, counts, long_tail: how many images of each class train; see `train_counts`.
        groups: [N], equal for images that are not independent; None: all images are independent.
        val_per_group: how many images of a group may validate.

    Raises:
        InputError: a class has too few images, or would have none to train on.
    """
    check_shape(len(names), ratio, counts)
    validation, rest, complaints = [], [], []
    for label in classes:
        order = class_order(labels, label, seed)
        order, starts = (order, np.arange(len(order))) if groups is None else together(order, groups)
        chosen, number = first_of_groups(order, starts, val_per_class, val_per_group)
        validation.append(chosen)
        rest.append(order[starts[number] :][::-1] if number < len(starts) else order[:0])
        complaints.append(_nothing_left(len(order), len(starts), val_per_class, val_per_group))
    if groups is not None:  # a group that validates in one class does not train in another
        barred = groups[np.concatenate(validation)]
        for k, order in enumerate(rest):
            rest[k] = order[~np.isin(groups[order], barred)]
            if len(order):
                complaints[k] = "has no image left to train on: all its groups validate in another class"
    for name, order, complaint in zip(names, rest, complaints, strict=True):
        if not len(order):
            raise InputError(f"data.val_per_class: class {name!r} {complaint}")
    available = [len(order) for order in rest]
    wanted = train_counts(available, names, train_size=train_size, ratio=ratio, counts=counts, long_tail=long_tail)
    train = [order[:number] for order, number in zip(rest, wanted, strict=True)]
    return np.concatenate(train), np.concatenate(validation)


def class_order(labels: Labels, label: int, seed: int) -> Indices:
    """Indices of the images of one class, shuffled by a random stream that depends on (seed, label) only.

    The images are sorted by raw 64-bit draws. NumPy guarantees that these draws stay the same in later versions, but
    does not guarantee it for the result of `shuffle`.
    """
    members = np.flatnonzero(labels == label)
    keys = np.random.PCG64([seed, label]).random_raw(len(members))
    return members[np.argsort(keys, kind="stable")]


def together(order: Indices, groups: Groups) -> tuple[Indices, Indices]:
    """`order` with the images of each group side by side, and the positions in it where the groups begin.

    A group takes the place that its image of the lowest index has in `order`, so every group is equally likely to come
    first. If it took the place of its earliest image in `order`, large groups would come early.
    """
    places = np.argsort(order)  # where each image is in `order`, from the lowest index to the highest
    _, lowest = np.unique(groups[order[places]], return_index=True)
    _, group = np.unique(groups[order], return_inverse=True)
    rank = places[lowest][group]
    gathered = np.argsort(rank, kind="stable")
    return order[gathered], np.flatnonzero(np.diff(rank[gathered], prepend=-1))


def first_of_groups(order: Indices, starts: Indices, images: int, per_group: int) -> tuple[Indices, int]:
    """At most `images` images of the first groups, at most `per_group` of each; and how many groups they come from.

    order, starts: the images of one class and the beginnings of its groups, as `together` returns them.
    """
    taken = np.minimum(np.diff(starts, append=len(order)), per_group)
    so_far = np.cumsum(taken)
    number = min(int(np.searchsorted(so_far, images)) + 1, len(starts))
    first = [order[start : start + count] for start, count in zip(starts[:number], taken[:number], strict=True)]
    return np.concatenate([order[:0], *first])[:images], number


def _nothing_left(images: int, groups: int, wanted: int, per_group: int) -> str:
    """The words of an error on a class whose groups would all validate, so that no image is left to train on."""
    if groups == images:
        return f"has {images} image{'' if images == 1 else 's'}, so {wanted} for validation leave none to train on"
    if groups == 1:
        return f"is one group of {images} images that belong together, so it cannot both train and validate"
    has = f"has {groups} groups of images that belong together"
    if per_group == 1:
        mend = f"set data.val_per_group to let several of its {images} images validate for each group"
        return f"{has}, so {wanted} for validation leave none to train on ({mend})"
    return f"{has}, so {wanted} for validation, at most {per_group} of each, leave none to train on"


def left_out(labels: Labels, classes: Sequence[int], validation: Indices, groups: Groups) -> int:
    """How many images of `classes` neither train nor validate, because another image of their group validates."""
    kin = np.isin(labels, classes) & np.isin(groups, groups[validation])
    return int(kin.sum()) - len(validation)


def train_counts(
    available: Sequence[int],
    names: Sequence[str],
    *,
    train_size: int | None = None,
    ratio: Sequence[float] | None = None,
    counts: Sequence[int] | None = None,
    long_tail: float | None = None,
) -> tuple[int, ...]:
    """How many images of each class train; `available` says how many images of each class validation leaves.

    `counts` are used as they are. Otherwise the classes have the proportions of `ratio`, of the long tail, or else of
    `available`. With `train_size` this total is divided in these proportions by largest remainders. Without
    `train_size` the training set is the largest that has these proportions. `names`, the classes' names, are for
    errors. Raises InputError if a class would need more images than are available, or would have none.
    """
    if counts is not None:
        wanted, field = list(counts), "counts"
    else:
        weights = class_weights(available, ratio=ratio, long_tail=long_tail)
        if train_size is None:
            scale = min(Fraction(have) / weight for have, weight in zip(available, weights, strict=True))
            quotas = [scale * weight for weight in weights]
            wanted = [math.floor(quota + Fraction(1, 2)) for quota in quotas]
        else:
            quotas = [train_size * weight / sum(weights) for weight in weights]
            wanted = largest_remainders(quotas)
        field = "ratio" if ratio is not None else "long_tail" if long_tail is not None else "train_size"
        _refuse_empty_classes(field, names, weights, quotas, wanted)
        field = "train_size"
    for name, want, have in zip(names, wanted, available, strict=True):
        if want > have:
            raise InputError(
                f"data.{field}: class {name!r} would need {want} training images, but validation leaves {have} of it"
            )
    return tuple(wanted)


def class_weights(
    available: Sequence[int], *, ratio: Sequence[float] | None, long_tail: float | None
) -> list[Fraction]:
    """Relative class sizes: `ratio`, else a geometric fall from 1 to 1/`long_tail` in class order, else `available`."""
    if ratio is not None:
        return [_exact(part) for part in ratio]
    if long_tail is not None:
        steps = max(len(available) - 1, 1)
        return [_exact(long_tail ** (-k / steps)) for k in range(len(available))]
    return [Fraction(have) for have in available]


def largest_remainders(quotas: Sequence[Fraction]) -> list[int]:
    """Round `quotas`, whose sum is whole, to whole numbers with the same sum.

    All are rounded down; then those with the largest remainders gain one. Among equal remainders the first goes first.
    """
    whole = [math.floor(quota) for quota in quotas]
    missing = int(sum(quotas)) - sum(whole)
    for k in sorted(range(len(quotas)), key=lambda k: whole[k] - quotas[k])[:missing]:
        whole[k] += 1
    return whole


def _exact(number: float) -> Fraction:
    """`number` as its decimal digits say: 0.9 is 9/10, not the nearest binary float."""
    return Fraction(str(number))


def _refuse_empty_classes(
    field: str,
    names: Sequence[str],
    weights: Sequence[Fraction],
    quotas: Sequence[Fraction],
    wanted: Sequence[int],
) -> None:
    for name, weight, quota, want in zip(names, weights, quotas, wanted, strict=True):
        if want < 1:
            total, whole = float(sum(quotas)), float(sum(weights))
            raise InputError(
                f"data.{field}: class {name!r} would keep no training image"
                f" ({total:.6g} × {float(weight):.4g}/{whole:.6g} = {float(quota):.3g} rounds to 0),"
                " but every class needs at least 1"
            )
