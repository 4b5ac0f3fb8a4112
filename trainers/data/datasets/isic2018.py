"""ISIC 2018 Task 3: dermoscopic images of seven kinds of skin lesion, 600×450 pixels, as the challenge publishes them.

    ISIC2018_Task3_Training_Input/ISIC_0024306.jpg …      10,015 of 7,470 lesions: MEL 1113, NV 6705, BCC 514,
    ISIC2018_Task3_Training_GroundTruth/….csv                 AKIEC 327, BKL 1099, DF 115, VASC 142
    ISIC2018_Task3_Training_LesionGroupings.csv
    ISIC2018_Task3_Test_Input/  …_Test_GroundTruth/….csv  1,512: the test split, which may be missing
    ISIC2018_Task3_Validation_…                           193, one of them DF: too few to judge by, so not used

Each CSV stands in the folder that its archive unpacks to, or at the top. Trials validate on some of the training
images, by default one of a lesion; no other image of that lesion trains (see trainers.data.splits). Images show one
lesion if the official groupings say so, or if the files are equal. Abhishek et al. 2024 (arXiv 2401.14497) found pairs
of one lesion that the groupings miss; one image of such a pair may train and the other validate. `data.fit` says how
images become square. The metric of the challenge, the mean of per-class recalls, is `balanced_accuracy` here.

Codella et al. 2018 (arXiv 1902.03368); Tschandl et al. 2018, HAM10000 (doi:10.1038/sdata.2018.161); CC BY-NC 4.0.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainers.commands import command_line
from trainers.data.arrays import Digests, Images, Indices, Pool
from trainers.data.datasets.isic2018_tables import CLASS_NAMES, Damaged, find_table, read_lesions, read_listing
from trainers.data.groups import numbered, of_sets, united
from trainers.data.io import cache, digests
from trainers.data.io.decoding import decode_blocks, decode_image
from trainers.data.io.items import BrokenImages, Item, refuse
from trainers.data.io.look import Look
from trainers.data.paths import given_folder
from trainers.data_config import DataConfig
from trainers.errors import EnvironmentProblem, InputError
from trainers.files import file_hash

IN_ROOT = Path("ISIC2018")  # where `fetch` puts the files under the data root
TASK = "ISIC2018_Task3_"
LESIONS = f"{TASK}Training_LesionGroupings"
LEFT_OUT = "one of them must be left out, image and row"  # of two equal images with different labels

SplitName = Literal["Training", "Validation", "Test"]


def mend() -> str:
    """The command line that gets the files onto this machine."""
    return f"`{command_line('data', 'fetch', 'isic2018')}`"


def open_train(config: DataConfig, root: Path) -> Pool:
    """The official training images, grouped by lesion. The folders of other splits are not opened."""
    top = _top(config, root)
    if missing := _missing(top, "Training"):
        if config.path is not None:
            raise InputError(f"data.path: {config.path} must hold {', '.join(missing)}, but that is not there")
        raise EnvironmentProblem(f"data: ISIC 2018 Task 3 is not on this machine ({missing[0]}); get it with {mend()}")
    return _pool(config, root, top, "Training")


def open_test(config: DataConfig, root: Path) -> Pool | None:
    """The official test images; None if they or their ground truth are missing."""
    top = _top(config, root)
    return None if _missing(top, "Test") else _pool(config, root, top, "Test")


def missing_test(config: DataConfig, root: Path) -> str | None:
    """How to get a test split; None if its files are there."""
    if missing := _missing(_top(config, root), "Test"):
        return f"add {', '.join(missing)}" if config.path is not None else f"run {mend()}"
    return None


def input_folder(top: Path, split: SplitName) -> Path:
    """The folder with the images of a split."""
    return top / f"{TASK}{split}_Input"


def used_files(config: DataConfig, root: Path) -> tuple[Path, list[Item], list[Path]]:
    """The top folder, the images of training and (if present) test split, and the tables that are read."""
    top = _top(config, root)
    splits: list[SplitName] = ["Training"] if _missing(top, "Test") else ["Training", "Test"]
    items: list[Item] = []
    tables = [find_table(top, LESIONS)]
    for split in splits:
        truth = find_table(top, truth_name(split))
        assert truth is not None  # `_missing` has looked
        tables.append(truth)
        items += read_listing(input_folder(top, split), truth).items
    return top, items, [table for table in tables if table is not None]


def truth_name(split: SplitName) -> str:
    """The name of a split's ground truth, without .csv."""
    return f"{TASK}{split}_GroundTruth"


def _top(config: DataConfig, root: Path) -> Path:
    return root / IN_ROOT if config.path is None else given_folder(config.path)


def _missing(top: Path, split: SplitName) -> list[str]:
    tables = [truth_name(split)] + ([LESIONS] if split == "Training" else [])
    missing = [f"{name}.csv" for name in tables if find_table(top, name) is None]
    images = input_folder(top, split)
    return missing if images.is_dir() else [f"{images.name}/", *missing]


def _pool(config: DataConfig, root: Path, top: Path, split: SplitName) -> Pool:
    with _told_to_whom_it_concerns(config):
        truth = find_table(top, truth_name(split))
        assert truth is not None  # `_missing` has looked
        listing = read_listing(input_folder(top, split), truth)
        items, problems = listing.items, dict(listing.problems)
        alike = same_content(items)
        lesions = _lesions(top, items, problems) if split == "Training" else []
    _refuse_contradictions(items, alike, problems)
    position = {name: k for k, name in enumerate(CLASS_NAMES)}
    labels = np.array([position.get(item.label, -1) for item in items], dtype=np.int64)  # -1: refused when read
    look = look_of(config)
    recipe, decode = _recipe(items, problems, look)

    def read(indices: Indices) -> Images:
        with _told_to_whom_it_concerns(config):
            images = cache.read(root, recipe, decode, indices)
            refuse(problems)  # also if all images came from the cache
            return images

    def digest(indices: Indices) -> Digests:
        with _told_to_whom_it_concerns(config):
            found = digests.kept(root, recipe, decode)[indices]
            refuse(problems)
            return found

    return Pool(
        "ISIC 2018",
        "the official files",
        CLASS_NAMES,
        labels,
        read,
        groups=united(numbered(lesions), of_sets(len(items), alike)) if lesions else None,
        digest=digest,
        names=tuple(item.file for item in items),
        group_names=lesions,
        grouped_by="lesions",
        look=look.as_plain,
    )


def look_of(config: DataConfig) -> Look:
    """The `Look` of all images: RGB squares. The official images are RGB, and a JPEG has no transparency."""
    side = config.image_size
    assert side is not None  # the config has checked that there is a size
    return Look("RGB", (side, side), config.background, config.fit)


def _lesions(top: Path, items: Sequence[Item], problems: dict[str, str]) -> list[str]:
    """The lesion of each image. An image without a lesion gets "" and is added to `problems`."""
    table = find_table(top, LESIONS)
    assert table is not None  # `_missing` has looked
    lesions = read_lesions(table)
    for item in items:
        if not lesions.get(item.file):
            problems.setdefault(item.file, f"has no lesion in {table.name}")
    return [lesions.get(item.file, "") for item in items]


def _recipe(items: Sequence[Item], problems: dict[str, str], look: Look) -> tuple[cache.Recipe, cache.Decode]:
    """The array cache's recipe for the images of `items`, and the function that decodes them: [n, 3, side, side].

    Decoding raises one BrokenImages with every file of `problems` (file -> reason) and every file that cannot be
    decoded or is not RGB.
    """
    recipe = cache.Recipe(
        name=f"isic2018-{look.size[0]}px",
        files=[item.path.absolute() for item in items],
        images=len(items),
        shape=look.shape,
        how=look.how,
    )

    def decode_one(path: Path) -> NDArray[np.uint8]:
        with Image.open(path) as image:
            if image.mode != "RGB":
                raise ValueError(f"has mode {image.mode}, not RGB")
        return decode_image(path, look, resize=True)

    def decode(blocks: Sequence[Indices]) -> Iterator[tuple[int, Images]]:
        return decode_blocks(items, decode_one, blocks, problems)

    return recipe, decode


def same_content(items: Sequence[Item]) -> list[list[int]]:
    """Sets of two or more positions in `items` of files with equal bytes. Only files of equal length are read."""
    lengths: dict[int, list[int]] = {}
    for k, item in enumerate(items):
        with suppress(OSError):  # decoding will report the file
            lengths.setdefault(item.path.stat().st_size, []).append(k)
    contents: dict[str, list[int]] = {}
    for of_one_length in lengths.values():
        for k in of_one_length if len(of_one_length) > 1 else ():
            with suppress(OSError):
                contents.setdefault(file_hash(items[k].path), []).append(k)
    return [alike for alike in contents.values() if len(alike) > 1]


def _refuse_contradictions(items: Sequence[Item], alike: Sequence[Sequence[int]], problems: dict[str, str]) -> None:
    """Add to `problems` each file that has another class than the first file with the same bytes.

    `alike` are the sets that `same_content` returns.
    """
    for first, *others in ([items[k] for k in positions] for positions in alike):
        for item in others:
            if first.label and item.label and item.label != first.label:
                problems.setdefault(item.file, f"has the content of {first.file} but another label; {LEFT_OUT}")


@contextmanager
def _told_to_whom_it_concerns(config: DataConfig) -> Iterator[None]:
    """Turn Damaged and BrokenImages into InputError if the user gave the files, else into EnvironmentProblem."""
    try:
        yield
    except (Damaged, BrokenImages) as error:
        if config.path is not None:
            raise InputError(f"data.path: {error}") from None
        # if the official files contradict each other, fetching them again does not help
        elsewhere = (
            "; if that changes nothing, correct a copy and name it in data.path" if LEFT_OUT in str(error) else ""
        )
        raise EnvironmentProblem(f"data: {error}; mend it with {mend()}{elsewhere}") from None
