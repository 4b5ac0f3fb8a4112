"""The files in a folder of images that are not used, counted by suffix or by folder.

No file is ignored silently: half of a class may have a suffix that nobody thought of.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from trainers.data.io.formats import LEFT_BEHIND, UNREAD, is_image
from trainers.data.names import split_meant
from trainers.wording import printable


def not_used(top: Path, used: Collection[Path]) -> Iterator[str]:
    """Sentences about the files below `top` that are not in `used`, which are the images and tables that were read.

    One sentence for each suffix, one for each folder without used files, and one for all hidden files.
    """
    seen = {os.path.realpath(path) for path in used}
    holders = {parent for path in seen for parent in Path(path).parents}
    loose: dict[str, list[str]] = {}  # by suffix: unused files in folders that also hold used files
    hidden: list[str] = []
    apart: dict[str, list[str]] = {}  # by folder: files in folders without a used file
    for path in _files(top):
        inside = path.relative_to(top)
        real = os.path.realpath(path)
        if real in seen:
            continue
        folder = _unused_folder(top, inside, holders)
        if folder is not None and not folder.startswith("."):
            apart.setdefault(folder, []).append(inside.as_posix())
        elif any(part.startswith(".") for part in inside.parts):
            hidden.append(inside.as_posix())
        else:
            loose.setdefault(path.suffix.lower(), []).append(inside.as_posix())
    for suffix, files in sorted(loose.items()):
        yield f"not used: {_counted(files, suffix)}{_why(suffix)}"
    for folder, files in sorted(apart.items()):
        kinds = Counter(Path(file).suffix.lower() or "without suffix" for file in files)
        told = ", ".join(f"{number:,} {suffix}" for suffix, number in kinds.most_common(3))
        more = f" and {len(kinds) - 3} more kinds" if len(kinds) > 3 else ""
        meant = split_meant(folder)
        hint = f"; if it is a split, call it {meant}" if meant else ""
        yield f"not used: the folder {printable(folder)} ({told}{more}){hint}"
    if hidden:
        yield f"not used: {_counted(hidden, 'hidden')}"


def images_below(top: Path) -> list[Path]:
    """Every image in `top` and below, sorted. Hidden files, hidden folders and those in `LEFT_BEHIND` are left out."""

    def is_shown(path: Path) -> bool:
        inside = path.relative_to(top).parts[:-1]
        return is_image(path) and not any(part.startswith(".") or part in LEFT_BEHIND for part in inside)

    return sorted(path for path in _files(top) if is_shown(path))


def unread_in(folder: Path) -> str:
    """The end of an error on a folder without readable images: the suffix of most of its files; "" if it is empty.

    Hidden files do not count.
    """
    kinds = Counter(path.suffix.lower() for path in folder.iterdir() if path.is_file() and path.name[0] != ".")
    if not kinds:
        return ""
    suffix, number = kinds.most_common(1)[0]
    return f" that is read, but {number:,} {suffix or 'without suffix'}{_why(suffix)}"


def _counted(files: list[str], what: str) -> str:
    examples = printable(", ".join(sorted(files)[:2])) + (", …" if len(files) > 2 else "")
    return f"{len(files):,} {what or 'without suffix'} ({examples})"


def _why(suffix: str) -> str:
    return f"; {UNREAD[suffix]}" if suffix in UNREAD else ""


def _unused_folder(top: Path, inside: Path, holders: Collection[Path]) -> str | None:
    """The outermost folder that contains the file `inside` but no used file; None if there is none.

    `inside` and the result are relative to `top`. `holders` are all folders above used files, with links resolved.
    """
    for parent in reversed(inside.parents[:-1]):
        if Path(os.path.realpath(top / parent)) not in holders:
            return parent.as_posix()
    return None


def _files(top: Path) -> Iterator[Path]:
    """All files in `top` and below. Of a link to a folder, only the files directly in that folder are listed.

    Links below the level of splits and classes are not followed.
    """
    for folder, subfolders, files in os.walk(top):
        here = Path(folder)
        yield from (here / file for file in sorted(files))
        if len(here.relative_to(top).parts) < 2:
            for name in list(subfolders):
                if (here / name).is_symlink():
                    yield from (path for path in sorted((here / name).iterdir()) if path.is_file())
