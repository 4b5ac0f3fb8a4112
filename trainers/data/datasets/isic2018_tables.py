"""The tables of ISIC 2018 Task 3: which image shows what, which images show one lesion, and what is wrong with them.

A ground truth has the column `image` and one for each class, of which exactly one is 1.0; the lesion groupings have
`image` and `lesion_id`. Nothing here opens an image.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trainers.data.io.formats import is_image
from trainers.data.io.items import Item

CLASS_NAMES = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")


class Damaged(Exception):
    """A table is invalid; the message names it and says why."""


@dataclass(frozen=True)
class Listing:
    """The images that a split's ground truth lists, sorted by file. A label is empty if its row has no single class."""

    items: list[Item]
    problems: dict[str, str]  # file -> what is wrong with its row, or that the file is missing or not listed


def read_listing(images: Path, truth: Path) -> Listing:
    """Read the ground truth `truth` of a split and compare it with the files in the folder `images`.

    Raises Damaged if the table cannot be read, lacks a column or lists no image.
    """
    there = {path.name for path in images.iterdir() if is_image(path)}
    items: dict[str, Item] = {}
    problems: dict[str, str] = {}
    for row in _rows(truth, ("image", *CLASS_NAMES)):
        file = f"{row.pop('image')}.jpg"
        label, problem = _label(row)
        if file in items:
            problem = "is listed twice"
        elif Path(file).name != file:
            problem = "is no image's name"
        elif file not in there:
            problem = "is not there"
        items[file] = Item(label, file, images / file)
        if problem is not None:
            problems[file] = problem
    for name in sorted(_columns(truth) - {"image", *CLASS_NAMES}):
        problems[truth.name] = f"has the unknown column {name}"
    problems |= dict.fromkeys(there - set(items), f"is not in {truth.name}")
    if not items:
        raise Damaged(f"{truth} lists no image")
    return Listing([items[file] for file in sorted(items)], problems)


def read_lesions(table: Path) -> dict[str, str]:
    """The lesion of each image file, by the file's name. Raises Damaged if the table cannot be read."""
    return {f"{row['image']}.jpg": row["lesion_id"] for row in _rows(table, ("image", "lesion_id"))}


def find_table(top: Path, name: str) -> Path | None:
    """The path of the table `name`.csv, in the folder `name` below `top` or in `top`; None if it is in neither."""
    return next((path for path in (top / name / f"{name}.csv", top / f"{name}.csv") if path.is_file()), None)


def _label(row: dict[str, str]) -> tuple[str, str | None]:
    """The class of a row and None; or "" and what is wrong with the row."""
    values = {}
    for name in CLASS_NAMES:
        try:
            values[name] = float(row[name])
        except ValueError:
            return "", f"has {row[name]!r} for {name}, which is no number"
    if sum(values.values()) != 1:
        return "", f"has labels that sum to {sum(values.values()):g}, not to 1"
    if max(values.values()) != 1:
        return "", "has no single label"
    return max(values, key=values.__getitem__), None


def _columns(table: Path) -> set[str]:
    with table.open(newline="", encoding="utf-8-sig") as lines:
        return set(next(csv.reader(lines), []))


def _rows(table: Path, needed: tuple[str, ...]) -> Iterator[dict[str, str]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.DictReader(lines, restval="")
            if missing := [name for name in needed if name not in (rows.fieldnames or ())]:
                raise Damaged(f"{table} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}")
            for row in rows:
                yield {name: row[name].strip() for name in rows.fieldnames or () if name}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Damaged(f"{table} cannot be read as CSV in UTF-8: {error}") from None
