"""The table `labels.csv` of a folder of images: the class of each file, and which images belong together.

    file,label,group             1.png,cat,ann    2.png,dog,    3.png,cat,ann

`file` is relative to the table's folder; a name without a suffix means the image so named. Images of the same `group`
(of one patient, say) never both train and validate; an image without a group belongs with no other. The columns may
have other names, which the config gives (`data.file`, `data.label`, `data.group`); further columns are not used. Tables
as spreadsheets save them are read too: with semicolons or tabs, a byte order mark, UTF-16, empty rows at the end.
Nothing here opens an image.
"""

import csv
import os
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path

from trainers.data.io.formats import suffixes
from trainers.data.io.items import Item, named
from trainers.data_config import DataConfig
from trainers.errors import InputError
from trainers.wording import did_you_mean, printable

SEPARATORS = ",;\t"
MARKS_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
OF_GROUPS = re.compile(
    r"(^|[^a-z])(id|ids|patient|lesion|subject|case|study|participant|group)($|[^a-z])", re.IGNORECASE
)


@dataclass(frozen=True)
class Columns:
    """The names that the user gave for a table's columns; None: the column has its usual name."""

    file: str | None = None
    label: str | None = None
    group: str | None = None
    takes_group: bool = True  # whether a column called group is used although the user did not name it


@dataclass(frozen=True)
class LabelTable:
    """What a table says; `items` are in the order of its rows."""

    items: list[Item]
    group: str  # the name of the column with groups; empty: there is none
    remarks: tuple[str, ...]  # sentences on columns and cells that are not used


def columns_of(config: DataConfig) -> Columns:
    """The columns that a config names. With `split_rules: 1`, a column is of groups only if the user named it."""
    return Columns(config.file, config.label, config.group, config.split_rules > 1)


def read_table(table: Path, columns: Columns, *, must_group: bool = True) -> LabelTable:
    """Read a table. Raises InputError, one line, if it is not a table, or if a row or a file is wrong.

    must_group: refuse a table without the column that `columns.group` names.
    """
    header, rows, too_long = _parsed(table)
    file = _position(table, header, columns.file, "file")
    label = _position(table, header, columns.label, "label")
    group = _group_position(table, header, columns, must_group)
    items: dict[Path, Item] = {}
    missing: list[str] = []
    listed = cache(_images_by_stem)
    for line, row in rows:
        name, kind = row[file], row[label]
        if not name or not kind:
            raise InputError(f"data.path: {table}, line {line}: file and label must both be given")
        found = _find(table.parent, name, listed)
        if len(found) > 1:
            either = " or ".join(printable(path.name) for path in found)
            raise InputError(f"data.path: {table}, line {line}: {printable(name)} may be {either}")
        if not found:
            missing.append(name)
            continue
        (path,) = found
        if (before := items.get(path)) is not None:
            other = f", as {before.label!r} and as {kind!r}" if before.label != kind else ""
            raise InputError(f"data.path: {table}, line {line}: {printable(name)} is listed twice{other}")
        items[path] = Item(kind, name, path, "" if group is None else row[group])
    if missing:
        raise InputError(f"data.path: {table} names {named(missing, 'file')} not there")
    if not items:
        raise InputError(f"data.path: {table} lists no image")
    taken = [k for k in (file, label, group) if k is not None]
    remarks = _unused(header, [row for _, row in rows], taken, has_group=group is not None)
    if too_long:
        remarks += (f"labels.csv: {_rows(too_long)} more cells than there are columns; those are not used",)
    return LabelTable(list(items.values()), "" if group is None else header[group], remarks)


def _rows(number: int) -> str:
    return "1 row has" if number == 1 else f"{number} rows have"


def _parsed(table: Path) -> tuple[list[str], list[tuple[int, list[str]]], int]:
    """The header; the rows that are not empty, each with its line number; and how many rows are too long.

    Every row is cut or filled up to the header's length.
    """
    content = table.read_bytes()
    try:
        text = content.decode("utf-16" if content.startswith(MARKS_UTF_16) else "utf-8-sig")
        lines = csv.reader(StringIO(text, newline=""), delimiter=_separator(text))
        header = [name.strip() for name in next(lines, [])]
        rows = [(lines.line_num, [cell.strip() for cell in row]) for row in lines]
    except (UnicodeError, csv.Error) as error:
        raise InputError(f"data.path: {table} is no CSV file in UTF-8: {error}") from None
    width = len(header)
    given = [(line, (row + [""] * width)[:width]) for line, row in rows if any(row)]
    return header, given, sum(any(row[width:]) for _, row in rows)


def _separator(text: str) -> str:
    """The separator that gives the header the most columns, without splitting quoted text."""
    first = next(iter(text.splitlines()), "")

    def columns(separator: str) -> tuple[bool, int]:
        parts = next(csv.reader([first], delimiter=separator), [])
        return not any('"' in part for part in parts), len(parts)

    return max(SEPARATORS, key=columns)


def _position(table: Path, header: Sequence[str], given: str | None, usual: str) -> int:
    """The position in `header` of the column `given`, or `usual` if that is None.

    Raises InputError unless exactly one column has this name.
    """
    found = _places(header, given or usual)
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"data.path: {table} has the column {printable(given or usual)} {len(found)} times")
    known = [name for name in header if name]
    if given is not None:
        hint = printable(did_you_mean(given, known))
        raise InputError(f"data.{usual}: {table} has no column {printable(given)}{hint}")
    raise InputError(
        f"data.path: {table} needs the columns file and label, but has {known}; data.file and data.label name others"
    )


def _group_position(table: Path, header: Sequence[str], columns: Columns, must_group: bool) -> int | None:
    if columns.group is None and not columns.takes_group:
        return None
    if not _places(header, columns.group or "group") and (columns.group is None or not must_group):
        return None
    return _position(table, header, columns.group, "group")


def _places(header: Sequence[str], name: str) -> list[int]:
    """The positions of the columns with this name; if there are none, of columns that differ from it in case only."""
    exact = [k for k, column in enumerate(header) if column == name.strip()]
    return exact or [k for k, column in enumerate(header) if column.casefold() == name.strip().casefold()]


def _unused(
    header: Sequence[str], rows: Sequence[Sequence[str]], taken: Sequence[int], *, has_group: bool
) -> tuple[str, ...]:
    """One sentence on the named columns that are not used; empty if there are none. `taken`: positions of those used.

    If the table has no groups, the sentence suggests a column that may name them.
    """
    unused = [k for k, name in enumerate(header) if name and k not in taken]
    if not unused:
        return ()
    names = printable(", ".join(header[k] for k in unused))
    are = f"the columns {names} are" if len(unused) > 1 else f"the column {names} is"
    if has_group:
        return (f"labels.csv: {are} not used",)
    good = [k for k in unused if OF_GROUPS.search(header[k]) and _repeats([row[k] for row in rows])]
    column = printable(header[good[0]]) if good else "COLUMN"
    return (f"labels.csv: {are} not used; data.group: {column} keeps images of one value on one side of the split",)


def _repeats(values: Sequence[str]) -> bool:
    """Whether some value is in two rows, and not all values are the same; empty values do not count."""
    given = [value for value in values if value]
    return 1 < len(set(given)) < len(given)


def _find(folder: Path, name: str, listed: Callable[[Path], Mapping[str, list[str]]]) -> list[Path]:
    """The files that the name in a row may mean, as resolved paths; exactly one if the name is right.

    `folder` is that of the table. `listed` returns the image files of a folder by their names without suffix.
    """
    for written in dict.fromkeys((name, name.replace("\\", "/"))):
        try:
            path = (folder / written).resolve()
            if path.is_file():
                return [path]
            found = [] if path.suffix.lower() in suffixes() else listed(path.parent).get(path.name, [])
        except (OSError, ValueError, RuntimeError):  # the name is too long or has a zero byte, or links form a circle
            continue
        if found:
            return [(path.parent / one).resolve() for one in sorted(found)]
    return []


def _images_by_stem(folder: Path) -> Mapping[str, list[str]]:
    """The names of a folder's image files, by name without suffix; empty if the folder cannot be listed."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            stem, dot, suffix = entry.name.rpartition(".")
            if dot and f".{suffix.lower()}" in suffixes() and entry.is_file():
                found[stem].append(entry.name)
    return found
