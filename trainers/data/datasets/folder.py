"""A folder of one's own images: a subfolder per class, or a `labels.csv` that names files and labels.

    mine/cat/1.png  mine/dog/2.png            classes are the subfolders' names
    mine/labels.csv mine/1.png ...            see label_table.py; the table may say which images belong together
    mine/train/...  mine/test/...             each arranged in one of these two ways; searches never open test/
    mine/val/...                              if it stands beside train/, all of its images validate (also valid/,
                                              validation/)

Classes and files are used in sorted order, however the disk or the CSV lists them. All images are made alike: grey if
every training image of the chosen classes is grey, else RGB; turned as their EXIF says; laid on the background where
they are transparent; brought into a square of `image_size`, or kept at their size if all have the same. Hidden files
are passed over, and so are files in class folders whose suffix is not an image's; `data check` names them
(folder_remarks).
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from trainers.data.arrays import Digests, Images, Indices, Pool
from trainers.data.datasets.label_table import columns_of, read_table
from trainers.data.groups import numbered
from trainers.data.io import cache as array_cache
from trainers.data.io import digests
from trainers.data.io.decoding import decode_blocks, decode_image
from trainers.data.io.formats import LEFT_BEHIND, is_image
from trainers.data.io.items import BrokenImages, Item, refuse
from trainers.data.io.look import Look, common_look, extended
from trainers.data.listing import unread_in
from trainers.data.names import refuse_undecodable, split_meant
from trainers.data.paths import given_folder
from trainers.data_config import DataConfig
from trainers.errors import InputError
from trainers.wording import printable

VALIDATION = ("val", "valid", "validation")


@dataclass(frozen=True)
class Listing:
    """The images of a folder, sorted by class and then by file; none is opened."""

    items: list[Item]
    grouped_by: str = ""  # where the groups come from, for people: `labels.csv: COLUMN`; empty: no groups
    remarks: tuple[str, ...] = ()


def open_train(config: DataConfig, root: Path) -> Pool:
    """The images of `train/` and, if there is one, of `val/`. If the folder has no `train/`, all of its images.

    A search with `data.split_rules: 1` does not use `val/`.
    """
    top = given(config)
    train = list_images(top, part(top, "train"), config)
    folder = validation_folder(top)
    if folder is not None and config.split_rules == 1:  # a search of an older version goes on without `val/`
        unused = f"{folder.name}/ is not used, because data.split_rules is 1"
        return _pool(config, root, train.items, replace(train, remarks=(*train.remarks, unused)))
    if folder is None:
        return _pool(config, root, train.items, train)
    validation = _beside(train, list_images(top, folder, config, must_group=False), "validation")
    return _pool(config, root, train.items, train, validation)


def open_test(config: DataConfig, root: Path) -> Pool | None:
    """The images of `test/` beside `train/`; None if there is no such folder."""
    top = given(config)
    if missing_test(config, root) is not None:
        return None
    train = list_images(top, part(top, "train"), config)
    test = _beside(train, list_images(top, part(top, "test"), config, must_group=False), "test")
    return _pool(config, root, train.items, test)


def _beside(train: Listing, other: Listing, split: str) -> Listing:
    """The listing `other` of the split called `split`, with a remark if only the training images have groups.

    In that case nobody would notice a group that is in both splits.
    """
    if not train.grouped_by or other.grouped_by:
        return other
    blind = (
        f"the {split} split names no groups ({train.grouped_by}), so a group that is also in train cannot be noticed"
    )
    return replace(other, remarks=(*other.remarks, blind))


def missing_test(config: DataConfig, root: Path) -> str | None:
    """How to get a test split; None if there is one. A test split must have images that no search has seen."""
    top = given(config)
    if part(top, "train") == top:
        return (
            f"move what is in {top} into {top / 'train'} and put other images, arranged alike, into {top / 'test'} "
            "(finished searches stay valid)"
        )
    if not _holds_images(top / "test"):
        return f"lay images that no search has seen, arranged like those in train, into {top / 'test'}"
    return None


def given(config: DataConfig) -> Path:
    """The folder at the config's `path`. Raises InputError if the folder has neither subfolders nor a labels.csv."""
    if config.path is None:
        raise InputError("data.path: dataset: folder needs path, the folder of images")
    refuse_undecodable([config.path], "")
    top = given_folder(config.path)
    if not _holds_images(top):
        raise InputError(f"data.path: {top} has neither a subfolder per class nor a labels.csv")
    return top


def part(top: Path, split: str) -> Path:
    """The folder of `split` within `top`, which may not exist; `top` itself if it is not divided into splits.

    A folder called train may also be a class: it is a split only if it has subfolders or a labels.csv. Raises
    InputError if there is a test split but no train split.
    """
    if _holds_images(top / "train"):
        return top / split
    if _holds_images(top / "test") and not (top / "labels.csv").is_file():
        raise InputError(f"data.path: {top} has a test folder of classes, but no train folder beside it")
    return top


def validation_folder(top: Path) -> Path | None:
    """The folder beside `train/` whose images validate; None if there is none.

    Without such a folder, some of the training images validate. Raises InputError if there are several.
    """
    if part(top, "train") == top:
        return None
    there = [top / name for name in VALIDATION if _holds_images(top / name)]
    if len(there) > 1:
        raise InputError(
            f"data.path: {top} has {there[0].name} and {there[1].name}; keep only one of them as the validation split"
        )
    return there[0] if there else None


def _holds_images(folder: Path) -> bool:
    return (folder / "labels.csv").is_file() or (folder.is_dir() and bool(_subfolders(folder)))


def _subfolders(folder: Path) -> list[Path]:
    there = (path for path in folder.iterdir() if not path.name.startswith(".") and path.name not in LEFT_BEHIND)
    return sorted(path for path in there if path.is_dir())


def list_images(top: Path, folder: Path, config: DataConfig, *, must_group: bool = True) -> Listing:
    """All images of `folder`, which is `top` or the folder of a split in `top`.

    `config` names the columns of a labels.csv. For `must_group` see `read_table`.
    """
    table = folder / "labels.csv"
    if table.is_file():
        labels = read_table(table, columns_of(config), must_group=must_group)
        return Listing(_in_order(labels.items), f"labels.csv: {labels.group}" if labels.group else "", labels.remarks)
    for field in ("file", "label", "group"):
        if getattr(config, field) is not None and must_group:
            raise InputError(f"data.{field}: names a column of labels.csv, but {folder} has a folder for each class")
    return Listing(_in_order(_from_subfolders(top, folder)))


def _in_order(items: list[Item]) -> list[Item]:
    """Sort by class, then by file, so that the order on the disk or in the CSV does not matter.

    Raises InputError for a name that is not UTF-8.
    """
    refuse_undecodable([item.label for item in items], "class")
    refuse_undecodable([item.file for item in items], "file")
    return sorted(items, key=lambda item: (item.label, item.file))


def _from_subfolders(top: Path, folder: Path) -> list[Item]:
    items = []
    for kind in _subfolders(folder):
        if inner := _subfolders(kind):
            hint = f", or is {kind.name} a split? Call it {split}" if (split := split_meant(kind.name)) else ""
            raise InputError(
                f"data.path: {inner[0]} is a folder within a class; images must lie in {kind} itself{hint}"
            )
        paths = [path for path in kind.iterdir() if is_image(path)]
        if not paths:
            raise InputError(f"data.path: class folder {printable(str(kind))} holds no image{unread_in(kind)}")
        items += [Item(kind.name, path.relative_to(top).as_posix(), path) for path in paths]
    return items


def _pool(
    config: DataConfig,
    root: Path,
    train: Sequence[Item],
    listing: Listing,
    validation: Listing | None = None,
) -> Pool:
    """A pool of the images of `listing`, then those of `validation`, the user's own validation split if there is one.

    All images of the chosen classes in `train` decide to which size and colours images are brought. So neither a ratio
    nor a test image changes an image's pixels.
    """
    class_names = tuple(sorted({item.label for item in train}))
    position = {name: k for k, name in enumerate(class_names)}
    beside = [] if validation is None else validation.items
    for item, split in [*((item, "test") for item in listing.items), *((item, "validation") for item in beside)]:
        if item.label not in position:
            raise InputError(f"data.path: {split} class {item.label!r} is not among the training classes")
    offered = [*listing.items, *beside]
    labels = np.array([position[item.label] for item in offered], dtype=np.int64)
    chosen = set(config.classes or class_names)
    used = [item.label in chosen for item in offered]  # only images of the chosen classes are opened
    place = np.cumsum(used) - 1  # position of each used image among the used ones

    opened = list(itertools.compress(offered, used))

    @cache
    def look_and_broken() -> tuple[Look, dict[str, str]]:
        alike = [item for item in train if item.label in chosen]
        look, broken = common_look(alike, config, root)
        decisive = {item.path for item in alike}
        return extended(look, [item for item in opened if item.path not in decisive]), broken

    def recipe() -> tuple[array_cache.Recipe, array_cache.Decode, dict[str, str]]:
        look, broken = look_and_broken()
        return *_recipe(look, opened, broken, resize=config.image_size is not None), broken

    def read(indices: Indices) -> Images:
        with _said_of_the_path():
            how, decode, broken = recipe()
            images = array_cache.read(root, how, decode, place[indices])
            refuse(broken)  # also if all images came from the cache
            return images

    def digest(indices: Indices) -> Digests:
        with _said_of_the_path():
            how, decode, broken = recipe()
            found: Digests = digests.kept(root, how, decode)[place[indices]]
            refuse(broken)
            return found

    groups = [item.group for item in offered]
    return Pool(
        "Own images",
        "a folder",
        class_names,
        labels,
        read,
        groups=numbered(groups) if listing.grouped_by else None,
        digest=digest,
        names=[item.file for item in offered],
        group_names=groups if listing.grouped_by else (),
        grouped_by=listing.grouped_by,
        remarks=tuple(dict.fromkeys((*listing.remarks, *(() if validation is None else validation.remarks)))),
        validates=np.arange(len(offered)) >= len(listing.items) if beside else None,
        look=lambda: look_and_broken()[0].as_plain(),
    )


@contextmanager
def _said_of_the_path() -> Iterator[None]:
    """Turn BrokenImages into InputError, because the folder is the user's own."""
    try:
        yield
    except BrokenImages as error:
        raise InputError(f"data.path: {error}") from None


def _recipe(
    look: Look, items: Sequence[Item], broken: Mapping[str, str], *, resize: bool
) -> tuple[array_cache.Recipe, array_cache.Decode]:
    """The array cache's recipe for the images of `items`, brought to `look`, and the function that decodes them.

    `broken` maps files that are known to be unusable, in `items` or not, to reasons. Decoding raises BrokenImages with
    these and all other files that cannot be used.
    """
    recipe = array_cache.Recipe(
        name="folder",
        files=[item.path.absolute() for item in items],
        images=len(items),
        shape=look.shape,
        how=look.how,
    )
    return recipe, partial(decode_blocks, items, partial(decode_image, look=look, resize=resize), broken=broken)
