"""`afcl data fetch isic2018`: the challenge's own archives, downloaded, unpacked, checked and put in place.

The challenge publishes no checksums. So a download is checked by its content: the zip's own checksums, and exactly the
images of the ground truth, each with a readable header. The SHA-256 of each file is recorded in checksums.json when the
file is first in place. A later fetch compares the files with this record: a download with changed or lost files is
fetched again, and must match the record.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image

from trainers.data.datasets.isic2018 import IN_ROOT, LESIONS, SplitName, input_folder, mend, truth_name
from trainers.data.datasets.isic2018_tables import Damaged, find_table, read_lesions, read_listing
from trainers.data.io import checksums
from trainers.data.io.download import (
    BadArchive,
    DownloadFailed,
    download,
    partial_of,
    remote_size,
    unpack,
    unpacked_size,
)
from trainers.data.io.formats import suffixes
from trainers.data.io.items import BrokenImages, named, reason, refuse
from trainers.data.io.progress import tracked
from trainers.data.io.quiet import hush
from trainers.errors import EnvironmentProblem
from trainers.locking import locked

BASE = "https://isic-challenge-data.s3.amazonaws.com/2018/"
TERMS = (
    "ISIC 2018 Task 3 is given out under CC BY-NC 4.0 (https://creativecommons.org/licenses/by-nc/4.0/): not for"
    " commercial use, and with attribution. Whoever publishes results is asked to cite:",
    "  Codella et al. 2018, Skin Lesion Analysis Toward Melanoma Detection 2018, arXiv 1902.03368",
    "  Tschandl, Rosendahl & Kittler 2018, The HAM10000 dataset, Scientific Data 5:180161, doi:10.1038/sdata.2018.161",
)
KEPT = suffixes() | {".csv", ".txt"}
SPARE = 100 << 20  # bytes of disk that a fetch leaves free


@dataclass(frozen=True)
class Part:
    """One of the challenge's downloads, and the folder or table that it becomes."""

    archive: str
    split: SplitName
    kind: Literal["truth", "lesions", "images"]

    @property
    def name(self) -> str:
        """The name of the folder that the archive unpacks to, or of the table without .csv."""
        return self.archive.rpartition(".")[0]


PARTS = (  # a split's ground truth comes before its images, which are checked against it
    Part(f"{truth_name('Training')}.zip", "Training", "truth"),
    Part(f"{LESIONS}.csv", "Training", "lesions"),
    Part("ISIC2018_Task3_Training_Input.zip", "Training", "images"),
    Part(f"{truth_name('Validation')}.zip", "Validation", "truth"),
    Part("ISIC2018_Task3_Validation_Input.zip", "Validation", "images"),
    Part(f"{truth_name('Test')}.zip", "Test", "truth"),
    Part("ISIC2018_Task3_Test_Input.zip", "Test", "images"),
)


def fetch(root: Path, progress: Callable[[str], None]) -> Path:
    """Get what is missing or changed of ISIC 2018 Task 3 into `root`/ISIC2018; returns that folder.

    A fetch may be interrupted and called again: downloads continue where they broke off, and a part is moved into place
    only when it is complete. Raises EnvironmentProblem.
    """
    for line in TERMS:
        progress(line)
    top = root / IN_ROOT
    with _in_one_line(top):
        _incoming(top).mkdir(parents=True, exist_ok=True)
        with locked(top / ".fetching", f"Waiting for another process that fetches into {top}"):
            for stale in top.glob(".unpacking-*"):
                shutil.rmtree(stale)
            lacking = [part for part in PARTS if not _is_in_place(top, part, progress)]
            _refuse_full_disk(top, lacking)
            for part in lacking:
                progress(f"Fetching {part.archive}")
                _get(top, part)
            shutil.rmtree(_incoming(top))
    progress(f"ISIC 2018 Task 3 is in {top}")
    return top


def _incoming(top: Path) -> Path:
    """The folder for downloads that are not in place yet."""
    return top / ".incoming"


def _is_in_place(top: Path, part: Part, progress: Callable[[str], None]) -> bool:
    """Whether a part is in place and matches its record. If there is no record, the part is checked and recorded."""
    files, recorded = _files(top, part), checksums.recorded(top, part.name)
    if not files:
        return False
    hashes = checksums.hashes_of(top, files)
    if recorded:
        changed = checksums.changed(recorded, hashes)
        if changed:
            told = f"{named(changed, 'file')} not as recorded in {checksums.RECORD}"
            progress(f"{part.name}: {told}, so it is fetched again")
        return not changed
    try:
        _check(top, top, part, decode=True)
    except (Damaged, BrokenImages) as error:
        progress(f"{part.name}: {error}, so it is fetched again")
        return False
    checksums.record(top, part.name, hashes)
    return True


def _get(top: Path, part: Part) -> None:
    """Download a part, unpack it, check it, compare it with its record, put it in place, and record it."""
    fetched = _incoming(top) / part.archive
    if not fetched.exists():  # an interrupted fetch may have left the complete download
        download(f"{BASE}{part.archive}", fetched)
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=top) as name:
        workshop = Path(name)
        try:
            _unpack(fetched, workshop, part)
            _check(workshop, top, part)
        except (BadArchive, Damaged, BrokenImages) as error:
            fetched.unlink()  # else the next fetch would take it for complete
            told = str(error).replace(f"{workshop}/", "")
            raise EnvironmentProblem(
                f"data: {BASE}{part.archive} is not what it should be: {told}; try {mend()} again"
            ) from None
        hashes = checksums.hashes_of(workshop, _files(workshop, part))
        recorded = checksums.recorded(top, part.name)
        if recorded and (changed := checksums.changed(recorded, hashes)):
            fetched.unlink()
            raise EnvironmentProblem(
                f"data: {BASE}{part.archive} brings {named(changed, 'file')} not what was first fetched; if the"
                f" challenge has changed its files, remove {top / checksums.RECORD} and run {mend()} again"
            )
        _move(workshop, top, part)
    checksums.record(top, part.name, hashes)
    fetched.unlink()


def _unpack(fetched: Path, workshop: Path, part: Part) -> None:
    if fetched.suffix != ".zip":
        shutil.copyfile(fetched, workshop / fetched.name)
        return
    free, needed = shutil.disk_usage(workshop).free, unpacked_size(fetched)
    if free < needed + SPARE:
        raise _full_disk(workshop.parent, needed, free)
    unpack(fetched, workshop)
    if not (workshop / part.name).is_dir():  # packed without its folder
        loose = list(workshop.iterdir())
        (workshop / part.name).mkdir()
        for path in loose:
            path.rename(workshop / part.name / path.name)


def _check(where: Path, top: Path, part: Part, *, decode: bool = False) -> None:
    """Check a part in the folder `where`: that its table can be read, or its images against the ground truth in `top`.

    With `decode`, an image's pixels are read, and not only its header. A part that was just unpacked does not need
    this, because the archive's own checksums have been compared. Raises Damaged or BrokenImages.
    """
    if part.kind == "images":
        truth = find_table(top, truth_name(part.split))
        if truth is None:
            raise Damaged(f"there is no {truth_name(part.split)}.csv to hold it against")
        listing = read_listing(input_folder(where, part.split), truth)
        broken = dict(listing.problems)
        hush()
        for item in tracked(listing.items, len(listing.items), "Looking at images"):
            if item.file in broken:
                continue
            try:
                with Image.open(item.path) as image:
                    if decode:
                        image.load()
            except Exception as error:  # a decoder may raise any kind
                broken[item.file] = reason(error, item.path)
        refuse(broken)
        return
    table = find_table(where, part.name)
    if table is None:
        raise Damaged(f"there is no {part.name}.csv in it")
    if part.kind == "lesions":
        read_lesions(table)
    else:
        read_listing(table.parent, table)  # there are no images to compare with: only check that the table can be read


def _files(top: Path, part: Part) -> list[Path]:
    """The files of a part below `top`: images, tables and texts in its folder, and its table in `top`."""
    folder = top / part.name
    there = folder.iterdir() if folder.is_dir() else ()
    inside = [path for path in there if path.suffix.lower() in KEPT and path.name[0] != "."]
    table = top / f"{part.name}.csv"
    return sorted(inside) + ([table] if part.kind != "images" and table.is_file() else [])


def _move(workshop: Path, top: Path, part: Part) -> None:
    for name in (part.name, f"{part.name}.csv"):
        if (top / name).exists():
            (top / name).rename(workshop / f"replaced-{name}")  # is deleted with the temporary folder
        if (workshop / name).exists():
            (workshop / name).rename(top / name)


def _refuse_full_disk(top: Path, parts: list[Part]) -> None:
    """Raise EnvironmentProblem if the disk has no room for the parts and the largest archive.

    JPEGs unpack to about the length of their archive, and each archive is deleted when its part is in place.
    """
    fetched = [_incoming(top) / part.archive for part in parts]
    sizes = [remote_size(f"{BASE}{path.name}") if not path.exists() else path.stat().st_size for path in fetched]
    come = sum(path.stat().st_size for one in fetched for path in (one, partial_of(one)) if path.exists())
    needed, free = sum(sizes) + max(sizes, default=0) - come, shutil.disk_usage(top).free
    if free < needed + SPARE:
        raise _full_disk(top, needed, free)


def _full_disk(top: Path, needed: int, free: int) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"data: {top} needs {needed / 1e9:.2f} GB of disk, but {free / 1e9:.2f} GB are free;"
        " free some or choose another folder with --data DIR"
    )


@contextmanager
def _in_one_line(top: Path) -> Iterator[None]:
    try:
        yield
    except DownloadFailed as error:
        raise EnvironmentProblem(
            f"data: ISIC 2018 could not be downloaded ({error}); with a connection to the internet run {mend()}"
            " again: it goes on where it was"
        ) from None
    except OSError as error:
        raise EnvironmentProblem(
            f"data: ISIC 2018 cannot be stored in {top} ({error.strerror or error}); mend that or choose another"
            " folder with --data DIR"
        ) from None
