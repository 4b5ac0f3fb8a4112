"""The same functions for every dataset: load it for a trial, load its test split, fetch it, check it."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trainers.config_base import DATASET_GROUP, DATASETS
from trainers.data.arrays import Groups, Indices, Pool, Split, TrialData
from trainers.data.copies import belonging, copies_in
from trainers.data.datasets import (
    digits,
    fmnist,
    folder,
    folder_remarks,
    isic2018,
    isic2018_fetch,
    isic2018_remarks,
    own,
)
from trainers.data.given_split import given_indices
from trainers.data.leaks import faults_between, faults_of, remarks_on
from trainers.data.paths import data_root
from trainers.data.splits import left_out, split_indices
from trainers.data.validation_size import group_sizes, part_of, val_per_class
from trainers.data_config import DataConfig
from trainers.errors import InputError
from trainers.own_parts import is_path, path_of
from trainers.parsing import parse
from trainers.wording import did_you_mean

FINGERPRINT_VERSION = "afcl data 1"
OWN = "own"  # the key, in the tables below, of a dataset that is a user's own function

OPEN_TRAIN: dict[str, Callable[[DataConfig, Path], Pool]] = {
    "fmnist": fmnist.open_train,
    "digits": digits.open_train,
    "folder": folder.open_train,
    "isic2018": isic2018.open_train,
    OWN: own.open_train,
}
OPEN_TEST: dict[str, Callable[[DataConfig, Path], Pool | None]] = {
    "fmnist": fmnist.open_test,
    "digits": digits.open_test,
    "folder": folder.open_test,
    "isic2018": isic2018.open_test,
    OWN: own.open_test,
}
MISSING_TEST: dict[str, Callable[[DataConfig, Path], str | None]] = {
    "fmnist": fmnist.missing_test,
    "digits": digits.missing_test,
    "folder": folder.missing_test,
    "isic2018": isic2018.missing_test,
    OWN: own.missing_test,
}
# Sentences about the files: which are not used, and which are changed when they are read.
REMARKS: dict[str, Callable[[DataConfig, Path], Iterable[str]]] = {
    "folder": folder_remarks.remarks,
    "isic2018": isic2018_remarks.remarks,
}


@dataclass(frozen=True)
class DataCheck:
    """The result of `afcl data check`. Counts are per class, in the order of `class_names`."""

    dataset: str
    description: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]  # channels, height, width
    train: tuple[int, ...]
    validation: tuple[int, ...]
    has_given_validation: bool  # whether the validation split is the user's own, and not drawn by seed
    test: tuple[int, ...] | None  # None: there is no test split
    missing_test: str | None  # how to get a test split; None: see the function `missing_test`
    remarks: tuple[str, ...]  # sentences about what is not used, what belongs together, and how images are read
    faults: tuple[str, ...]  # faults that stop a confirmation, unless they are allowed
    fingerprint: str


def load(config: DataConfig, root: Path | None = None) -> TrialData:
    """The images that a trial trains and validates on. Never opens a test split.

    Raises InputError if the config does not fit the data, EnvironmentProblem if the data is missing.
    """
    return _trial_data(config, OPEN_TRAIN[_kind(config)](config, data_root(root)))


def _trial_data(config: DataConfig, pool: Pool) -> TrialData:
    classes = _chosen(config, pool)
    names = tuple(pool.class_names[label] for label in classes)
    shape = {name: getattr(config, name) for name in ("seed", "train_size", "ratio", "counts", "long_tail")}
    copies = copies_in(pool, classes)
    shape["groups"] = groups = pool.groups if config.split_rules == 1 else belonging(pool, copies)
    if pool.validates is not None:
        train, validation = given_indices(pool.labels, classes, names, pool.validates, **shape)
    else:
        number = val_per_class(config, pool.labels, classes, names, groups)
        shape |= {"val_per_class": number, "val_per_group": config.val_per_group}
        train, validation = split_indices(pool.labels, classes, names, **shape)
    both = _split(pool, classes, np.concatenate([train, validation]))  # together: one error names all broken files
    parts = [_part(both, slice(len(train))), _part(both, slice(len(train), None))]
    description = describe(pool, names, parts[0].counts(len(names)))
    return TrialData(
        train=parts[0],
        validation=parts[1],
        class_names=names,
        fingerprint=fingerprint(names, parts[0], parts[1]),
        description=description + _about_validation(pool, classes, validation, groups),
        remarks=(
            *remarks_on(pool, classes, copies, "training", config.split_rules),
            *faults_of(pool, copies, "training"),
        ),
        look=None if pool.look is None else pool.look(),
        has_given_validation=pool.validates is not None,
    )


def missing_test(config: DataConfig, root: Path | None = None) -> str | None:
    """How to give the data a test split; None if there is one. Opens no file of the test split.

    Always None for a dataset that is a user's own function, because only calling it shows whether a test split exists.
    """
    return MISSING_TEST[_kind(config)](config, data_root(root))


def load_test(config: DataConfig, root: Path | None = None) -> Split:
    """All test images of the config's classes. No search calls this.

    Raises InputError if there is no test split, or if a class has no image in it.
    """
    pool = OPEN_TEST[_kind(config)](config, data_root(root))
    if pool is None:
        mend = missing_test(config, root)
        raise InputError(f"data.path: {config.path or config.dataset} has no test split; to have one, {mend}")
    return _test_split(config, pool)


def faults(config: DataConfig, root: Path | None = None) -> tuple[str, ...]:
    """Sentences about faults of the data that would make a score on the test split wrong; empty if there are none.

    Three kinds of fault are found: equal images with different labels, test images that equal training images, and
    groups that are in both splits. The images of both splits are read to compare them.
    """
    pool = OPEN_TRAIN[_kind(config)](config, data_root(root))
    classes = _chosen(config, pool)
    found = faults_of(pool, copies_in(pool, classes), "training")
    return (*found, *_faults_with_test(pool, OPEN_TEST[_kind(config)](config, data_root(root)), classes))


def unseen_faults(config: DataConfig, root: Path | None = None) -> tuple[str, ...]:
    """The test split's remarks if the training images have groups and the test images have none; else empty.

    In that case `faults` cannot see groups that are in both splits, and one of these remarks says this.
    """
    pool = OPEN_TRAIN[_kind(config)](config, data_root(root))
    test = OPEN_TEST[_kind(config)](config, data_root(root))
    return () if test is None or not pool.grouped_by or test.grouped_by else test.remarks


def _faults_with_test(pool: Pool, test: Pool | None, classes: tuple[int, ...]) -> Iterator[str]:
    if test is not None:
        yield from faults_of(test, copies_in(test, classes), "test")
        yield from faults_between(pool, test, classes)


def check(config: DataConfig, root: Path | None = None) -> DataCheck:
    """Load and count all images that the config names, also those of the test split if there is one; find faults."""
    pool = OPEN_TRAIN[_kind(config)](config, data_root(root))
    data = _trial_data(config, pool)
    test_pool = OPEN_TEST[_kind(config)](config, data_root(root))
    test = None if test_pool is None else _test_split(config, test_pool)
    chosen, classes = _chosen(config, pool), len(data.class_names)
    copies = copies_in(pool, chosen)
    remarks = list(remarks_on(pool, chosen, copies, "training", config.split_rules))
    if test_pool is not None:
        remarks += remarks_on(test_pool, chosen, copies_in(test_pool, chosen), "test")
    if config.dataset in REMARKS:
        remarks += REMARKS[config.dataset](config, data_root(root))
    channels, height, width = data.train.images.shape[1:]
    return DataCheck(
        dataset=config.dataset,
        description=data.description,
        class_names=data.class_names,
        image_shape=(channels, height, width),
        train=data.train.counts(classes),
        validation=data.validation.counts(classes),
        has_given_validation=data.has_given_validation,
        test=None if test is None else test.counts(classes),
        missing_test=missing_test(config, root),
        remarks=tuple(dict.fromkeys(remarks)),
        faults=(*faults_of(pool, copies, "training"), *_faults_with_test(pool, test_pool, chosen)),
        fingerprint=data.fingerprint,
    )


def is_dataset(name: str) -> bool:
    """Whether `data.dataset` may be `name`: a built-in dataset, an import path or the name of an entry point."""
    return name in DATASETS or is_path(name) or path_of(DATASET_GROUP, name) is not None


def default_config(name: str) -> DataConfig:
    """The config for `afcl data check NAME`: every class, and all images of the dataset.

    Raises InputError for an unknown name, and for `folder`, which needs a path.
    """
    if not is_dataset(name):
        raise InputError(f"data.dataset: no dataset {name!r}{did_you_mean(name, list(DATASETS))}")
    if name == "folder":
        raise InputError("data.path: dataset: folder needs path, the folder of images")
    if name == "isic2018":
        return DataConfig(dataset="isic2018", image_size=64, val_per_class=30)  # the smallest class has 73 lesions
    return DataConfig(dataset=name)


def config_of_folder(path: Path, root: Path | None = None, given: Mapping[str, Any] | None = None) -> DataConfig:
    """The config for `afcl data check FOLDER`, with a val_per_class that suits the folder.

    This number is a fifth of the images of the smallest class. If images belong together, groups are counted instead: a
    fifth of the groups in the class that has the fewest groups. Each group gives one image or, if the user named the
    groups, as many images as the median group of that class. If the folder has its own validation split, val_per_class
    is not set.

    Args:
        path: the folder.
        root: the folder of all datasets, as given by `--data`.
        given: the config's fields that the user set, which are kept.
    """
    given = given or {}
    # image_size has a value, because photos are seldom of one size
    config = parse(DataConfig, {"dataset": "folder", "path": str(path), "image_size": 64, **given}, "data")
    pool = folder.open_train(config, data_root(root))
    if pool.validates is not None or "val_per_class" in given:
        return config
    classes = _chosen(config, pool)
    groups = belonging(pool, copies_in(pool, classes))
    sizes = min((group_sizes(pool.labels, label, groups) for label in classes), key=len)
    each = int(np.median(sizes)) if groups is not None and pool.group_names else 1
    each = config.val_per_group if "val_per_group" in given else each
    return config.model_copy(update={"val_per_class": part_of(sizes, each), "val_per_group": each})


def fetch(name: str, root: Path | None = None, progress: Callable[[str], None] = lambda line: None) -> None:
    """Get a dataset onto this machine. `progress` is called with lines on what is done and where files are."""
    if name == "fmnist":
        fmnist.fetch(data_root(root), progress)
    elif name == "isic2018":
        isic2018_fetch.fetch(data_root(root), progress)
    elif name == "digits":
        progress("digits come with scikit-learn: nothing to fetch")
    elif name == "folder":
        raise InputError("data.dataset: a folder holds your own images, so there is nothing to fetch")
    else:
        raise InputError(f"data.dataset: no dataset {name!r}{did_you_mean(name, ['fmnist', 'digits', 'isic2018'])}")


def fingerprint(class_names: tuple[str, ...], train: Split, validation: Split) -> str:
    """SHA-256, in hex, of class names and both splits' arrays: equal only if trials saw the same images in order."""
    digest = hashlib.sha256(FINGERPRINT_VERSION.encode())
    digest.update(json.dumps(class_names).encode())
    for array in (train.images, train.labels, validation.images, validation.labels):
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest.update(json.dumps([little.shape, little.dtype.str]).encode())
        digest.update(little.data)
    return digest.hexdigest()


def split_fingerprint(split: Split) -> str:
    """SHA-256, in hex, of the images and labels of one split, such as the test split."""
    nothing = Split(split.images[:0], split.labels[:0])
    return fingerprint((), split, nothing)


def describe(pool: Pool, names: tuple[str, ...], counts: tuple[int, ...]) -> str:
    """The data in one line, such as `Fashion-MNIST T-shirt/top, Shirt 900:100 from Debian's package`.

    `names` are the chosen classes, `counts` the training images of each.
    """
    classes = ", ".join(names) if len(names) <= 3 else f"{len(names)} classes"
    return f"{pool.name} {classes} {':'.join(map(str, counts))} from {pool.source}"


def _about_validation(pool: Pool, classes: tuple[int, ...], validation: Indices, groups: Groups | None) -> str:
    given = "" if pool.validates is None else ", with a validation split of their own"
    number = 0 if groups is None else left_out(pool.labels, classes, validation, groups)
    return given + (f", without {number} of the same groups as validation images" if number else "")


def _kind(config: DataConfig) -> str:
    """The key of a config's dataset in `OPEN_TRAIN` and the tables below it.

    Raises InputError for fields of the config that the dataset does not use.
    """
    if config.dataset not in ("folder", "isic2018"):
        for field in ("image_size", "fit", "background"):
            if getattr(config, field) != DataConfig.model_fields[field].default:
                raise InputError(f"data.{field}: is only for dataset: folder and isic2018, not for {config.dataset}")
    for field in ("file", "label", "group"):
        if getattr(config, field) is not None and config.dataset != "folder":
            raise InputError(f"data.{field}: is only for dataset: folder, not for {config.dataset}")
    return OWN if is_path(config.dataset) else config.dataset


def _chosen(config: DataConfig, pool: Pool) -> tuple[int, ...]:
    """The pool's labels of the config's classes, in the config's order; all labels if the config names no classes."""
    known = list(pool.class_names)
    for name in config.classes or ():
        if name not in known:
            raise InputError(f"data.classes: no class {name!r} in {config.dataset}{did_you_mean(name, known)}")
    if len(known) < 2:
        raise InputError(f"data.path: at least 2 classes are needed, but {config.path} has only {known[0]!r}")
    return tuple(known.index(name) for name in config.classes or known)


def _test_split(config: DataConfig, pool: Pool) -> Split:
    classes = _chosen(config, pool)
    for label in classes:
        if not np.any(pool.labels == label):
            raise InputError(f"data.path: the test split has no image of class {pool.class_names[label]!r}")
    return _part(_split(pool, classes, np.flatnonzero(np.isin(pool.labels, classes))), slice(None))


def _split(pool: Pool, classes: tuple[int, ...], indices: Indices) -> Split:
    position = np.full(len(pool.class_names), -1, dtype=np.int64)
    position[list(classes)] = np.arange(len(classes))
    return Split(pool.read(indices), position[pool.labels[indices]])


def _part(split: Split, part: slice) -> Split:
    """A slice of a split, read-only as arrays from Ray's object store are."""
    images, labels = split.images[part], split.labels[part]
    images.setflags(write=False)
    labels.setflags(write=False)
    return Split(images, labels)
