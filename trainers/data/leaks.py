"""What makes a score wrong: images or groups that are both in training and in test, or images with two labels.

Each fault is a sentence with a count and the first few names. Copies and groups within the training images are no
fault, because the split into training and validation keeps them on one side.
"""

from collections.abc import Iterator, Sequence

from trainers.data.arrays import Pool
from trainers.data.copies import Copies, copies_between, used_by
from trainers.wording import printable

SHOWN = 3  # how many examples a sentence names


def remarks_on(pool: Pool, classes: Sequence[int], copies: Copies, what: str, split_rules: int = 2) -> Iterator[str]:
    """The pool's own remarks, then sentences about its groups and its equal images.

    `what` is "training" or "test". `split_rules` is the config's field: with 1, equal images may train and validate.
    """
    yield from pool.remarks
    is_split = what == "training"
    if pool.group_names:
        yield from _remarks_on_groups(pool, classes, what, ": a group never both trains and validates" * is_split)
    if copies.surplus:
        told = [f"{_name(pool, image)} of {_name(pool, first)}" for image, first in copies.surplus]
        line = f"{_images(len(told), what)} {_are(told)} of {'another' if len(told) == 1 else 'others'} ({_some(told)})"
        may = ": some may train and others validate, as before data.split_rules: 2"
        never = ": equal images never both train and validate"
        yield line + (may if split_rules == 1 else never) * is_split


def _remarks_on_groups(pool: Pool, classes: Sequence[int], what: str, follows: str) -> Iterator[str]:
    names, by = _groups(pool, classes), printable(pool.grouped_by)
    given = [name for name in names if name]
    yield f"{_images(len(given), what)} in {_count(len(set(given)), 'group', 'groups')} ({by}){follows}"
    if alone := len(names) - len(given):
        yield f"{_images(alone, what)} without a group ({by}): each stands for itself"
    if mixed := _of_two_classes(pool, classes):
        told = [f"{name}: {', '.join(labels)}" for name, labels in mixed.items()]
        yield f"{_count(len(mixed), 'group has', 'groups have')} images of more than one class ({_some(told)})"


def faults_of(pool: Pool, copies: Copies, what: str) -> Iterator[str]:
    """One sentence about equal images that have different labels within the pool; none if there are no such images."""
    told = []
    for same in copies.alike:
        first = {_label(pool, k): _name(pool, k) for k in reversed(same)}
        if len(first) > 1:
            told.append(" and ".join(f"{name} as {label}" for label, name in sorted(first.items())))
    if told:
        stands = _count(len(told), f"{what} image stands", f"{what} images stand")
        yield f"{stands} under different labels ({_some(told)})"


def faults_between(pool: Pool, test: Pool, classes: Sequence[int]) -> Iterator[str]:
    """A sentence about test images that equal training images, and one about groups in both pools, if there are any."""
    if copies := copies_between(pool, test, classes):
        told = [f"{_name(test, image)} of {_name(pool, original)}" for image, original in copies]
        yield f"{_images(len(copies), 'test')} {_are(copies)} of training images ({_some(told)})"
    there = {name for name in _groups(test, classes) if name}
    if both := [name for name in dict.fromkeys(_groups(pool, classes)) if name in there]:
        stand = _count(len(both), "group stands", "groups stand")
        yield f"{stand} in training and in test ({_some(both)})"


def _of_two_classes(pool: Pool, classes: Sequence[int]) -> dict[str, list[str]]:
    """The groups with images of more than one of `classes`, by name, each with the sorted names of its classes."""
    kinds: dict[str, set[str]] = {}
    for k in used_by(pool, classes):
        if pool.group_names[k]:
            kinds.setdefault(pool.group_names[k], set()).add(_label(pool, int(k)))
    return {name: sorted(labels) for name, labels in kinds.items() if len(labels) > 1}


def _groups(pool: Pool, classes: Sequence[int]) -> list[str]:
    return [pool.group_names[k] for k in used_by(pool, classes)] if pool.group_names else []


def _name(pool: Pool, image: int) -> str:
    return pool.names[image] if pool.names else f"number {image}"


def _label(pool: Pool, image: int) -> str:
    return pool.class_names[int(pool.labels[image])]


def _images(number: int, what: str) -> str:
    return _count(number, f"{what} image", f"{what} images")


def _are(copies: Sequence[object]) -> str:
    return "is a copy" if len(copies) == 1 else "are copies"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _some(told: Sequence[str]) -> str:
    """The first `SHOWN` texts of `told` as one text, with the number of those that are left out."""
    more = len(told) - SHOWN
    return printable("; ".join(told[:SHOWN])) + (f"; and {more} more" if more > 0 else "")
