"""The array cache: images decoded once, then read from a memory-mapped file that all processes share.

    arrays/isic2018-9f3c…/images.npy     uint8 [N, C, H, W]: `np.load(..., mmap_mode="r")` opens it
                          chunks.jsonl   a line for each finished chunk: number, hash of its files' state, CRC-32
                          lock           held while somebody decodes

A folder belongs to a list of files (their absolute paths, in order), a shape and a way of decoding; any change of
these gives another folder. A chunk is some 8 MB of images. It is finished if it has a line, and its files still
have the sizes and times of change (mtime, in ns) that the line records. This is the rule of make and rsync. It costs a
`stat` per file, while a hash would read gigabytes; but the rule misses a file that was changed and kept its size and
time. The line is written after the chunk, so an interruption loses at most the current chunk. A chunk's CRC is compared
whenever the chunk is read (1.7 GB/s, less than the data's fingerprint costs), and a chunk that differs is decoded
again. images.npy is never replaced, nor made shorter than its array, so no reader's mapping can break.

All of arrays/ may be deleted at any time. If this folder cannot be written, images are decoded at each use.
"""

import functools
import hashlib
import json
import math
import os
import sys
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO, FileIO
from pathlib import Path
from typing import TypeAlias

import numpy as np

from trainers.data.arrays import Images, Indices
from trainers.errors import EnvironmentProblem
from trainers.locking import locked

FORMAT = 1
CHUNK_BYTES = 1 << 23
READS = 3  # tries: the first, one after a repair, and one more in case another process changed the files meanwhile

# A function that takes blocks of positions, and yields each block's index and its images [n, C, H, W], in any order. It
# skips a block that cannot be decoded, and raises the reason after all other blocks were yielded.
Decode: TypeAlias = Callable[[Sequence[Indices]], Iterator[tuple[int, Images]]]

Record: TypeAlias = dict[int, tuple[str, int]]  # by chunk: a hash of its files' sizes and times, and its CRC-32


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the bytes of a cached array, except the content of the image files."""

    name: str  # the start of the folder's name, for people
    files: Sequence[Path]  # absolute; one for each image, in order, or a single one that holds all images
    images: int
    shape: tuple[int, int, int]  # of one image: channels, height, width
    how: str  # names the way of decoding


class Unwritable(Exception):
    """The cache cannot be written; the message is the operating system's reason."""


def read(root: Path, recipe: Recipe, decode: Decode, indices: Indices) -> Images:
    """A copy of the images at `indices`: [n, C, H, W]. First decodes every image that the cache lacks, not only these.

    So `decode` raises the faults of all files before the first image is used. If the cache cannot be written, only the
    images at `indices` are decoded. Raises EnvironmentProblem if the disk does not keep what is written.
    """
    folder = folder_of(root, recipe)
    chunks = _chunks(recipe)
    suspects: set[int] = set()
    for _ in range(READS):
        origins = [_origin(recipe, chunk) for chunk in chunks]
        record = _read_record(folder)
        if suspects or any(record.get(k, ("", 0))[0] != origin for k, origin in enumerate(origins)):
            try:
                record = _build(folder, recipe, chunks, origins, suspects, decode)
            except Unwritable as error:
                _tell(f"arrays: cannot be kept in {folder} ({error}), so images are decoded at each use")
                return _decode_these(recipe, decode, indices)
        images, suspects = _gather(folder, recipe, chunks, record, indices)
        if not suspects:
            return images
    raise EnvironmentProblem(f"arrays: {folder} does not keep what is written to it; look at the disk, or remove it")


def folder_of(root: Path, recipe: Recipe) -> Path:
    """The folder of a recipe's array. Other files in this folder are about the same images, in the same order."""
    return root / "arrays" / f"{recipe.name}-{_key(recipe)}"


def origin(recipe: Recipe) -> str:
    """One hash of the sizes and times of all files of a recipe; the hash differs if any file may have changed."""
    return hashlib.sha256("\n".join(map(_of_file, recipe.files)).encode()).hexdigest()


def _key(recipe: Recipe) -> str:
    parts = [FORMAT, CHUNK_BYTES, recipe.how, recipe.images, recipe.shape, [os.fspath(path) for path in recipe.files]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _chunks(recipe: Recipe) -> list[Indices]:
    rows = _rows(recipe)
    return [np.arange(start, min(start + rows, recipe.images)) for start in range(0, recipe.images, rows)]


def _rows(recipe: Recipe) -> int:
    return max(1, CHUNK_BYTES // math.prod(recipe.shape))


def _origin(recipe: Recipe, chunk: Indices) -> str:
    """One hash of the sizes and times of a chunk's files."""
    one_each = len(recipe.files) == recipe.images
    lines = [_of_file(recipe.files[k]) for k in chunk] if one_each else [_of_file(recipe.files[0])]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _of_file(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return "absent"  # `decode` will report it
    return f"{found.st_size} {found.st_mtime_ns}"


def _read_record(folder: Path) -> Record:
    """What chunks.jsonl says of each chunk. The last line of a chunk counts; an incomplete line is ignored.

    Empty if the file cannot be read.
    """
    record: Record = {}
    try:
        lines = (folder / "chunks.jsonl").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return {}
    for line in lines:
        try:
            chunk, origin, crc = json.loads(line)
            record[int(chunk)] = (str(origin), int(crc))
        except (ValueError, TypeError):
            continue
    return record


def _gather(
    folder: Path, recipe: Recipe, chunks: Sequence[Indices], record: Record, indices: Indices
) -> tuple[Images, set[int]]:
    """The images at `indices`, and the numbers of their damaged chunks, whose CRC differs from the record.

    If images.npy itself is missing or of another form, the array returned is empty, and all chunks are damaged.
    """
    try:
        array = np.load(folder / "images.npy", mmap_mode="r")
    except (OSError, ValueError, EOFError):  # gone, truncated, or another header
        array = None
    if array is None or array.shape != (recipe.images, *recipe.shape) or array.dtype != np.uint8:
        return np.empty(0, np.uint8), set(range(len(chunks)))
    images, damaged = np.empty((len(indices), *recipe.shape), np.uint8), set()
    home = indices // _rows(recipe)
    for k in np.unique(home).tolist():  # in the file's order, for sequential reads
        block = array[chunks[k][0] : chunks[k][-1] + 1]
        if zlib.crc32(block) != record[k][1]:
            damaged.add(k)
        here = np.flatnonzero(home == k)
        images[here] = block[indices[here] - chunks[k][0]]
    return images, damaged


def _build(
    folder: Path,
    recipe: Recipe,
    chunks: Sequence[Indices],
    origins: Sequence[str],
    suspects: Collection[int],
    decode: Decode,
) -> Record:
    """Decode the unfinished and the damaged chunks, holding the folder's lock. Returns the record of all chunks.

    `suspects` are the numbers of chunks whose CRC differed when they were read.
    """
    with ExitStack() as held:
        with _disk():
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(locked(folder / "lock", f"Waiting for another process that decodes into {folder}"))
            file = held.enter_context(_open(folder / "images.npy"))
            was_whole = _put_right(file, recipe)
        record = _read_record(folder)  # read again: another process may have decoded while this one waited

        def is_done(k: int) -> bool:
            origin, crc = record.get(k, ("", 0))
            doubtful = k in suspects or not was_whole
            return origin == origins[k] and (not doubtful or crc == zlib.crc32(_stored(file, recipe, chunks[k])))

        missing = [k for k in range(len(chunks)) if not is_done(k)]
        for place, images in decode([chunks[k] for k in missing]):
            k, content = missing[place], np.ascontiguousarray(images).data.cast("B")
            with _disk():
                _write(file, _offset(recipe, chunks[k]), content)
                record[k] = (origins[k], zlib.crc32(content))
                _append(folder / "chunks.jsonl", json.dumps([k, *record[k]]))
    return record


@contextmanager
def _disk() -> Iterator[None]:
    """Turn errors of the disk into Unwritable: the images can still be decoded without a cache."""
    try:
        yield
    except OSError as error:
        raise Unwritable(error.strerror or error) from None


def _open(path: Path) -> FileIO:
    return FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+")


def _put_right(file: FileIO, recipe: Recipe) -> bool:
    """Make the file's header and length right; returns whether they were right before."""
    header, size = _header(recipe), _offset(recipe, [recipe.images])
    file.seek(0)
    if file.read(len(header)) == header and file.seek(0, os.SEEK_END) == size:
        return True
    _write(file, 0, memoryview(header))
    file.truncate(size)
    return False


def _header(recipe: Recipe) -> bytes:
    content = BytesIO()
    described = {"descr": "|u1", "fortran_order": False, "shape": (recipe.images, *recipe.shape)}
    np.lib.format.write_array_header_1_0(content, described)
    return content.getvalue()


def _offset(recipe: Recipe, chunk: Sequence[int] | Indices) -> int:
    return len(_header(recipe)) + int(chunk[0]) * math.prod(recipe.shape)


def _stored(file: FileIO, recipe: Recipe, chunk: Indices) -> bytes:
    file.seek(_offset(recipe, chunk))
    return file.read(len(chunk) * math.prod(recipe.shape))


def _write(file: FileIO, offset: int, content: memoryview) -> None:
    """Write with `write`, not through a mapping: a full disk then raises OSError instead of killing the process."""
    file.seek(offset)
    while content:
        content = content[file.write(content) :]
    os.fsync(file.fileno())


def _append(path: Path, line: str) -> None:
    with path.open("a", encoding="ascii") as record:
        record.write(f"\n{line}")  # begins with a line end, in case the line before is incomplete
        record.flush()
        os.fsync(record.fileno())


def _decode_these(recipe: Recipe, decode: Decode, indices: Indices) -> Images:
    """The images at `indices`, decoded without a cache."""
    rows, images = _rows(recipe), np.empty((len(indices), *recipe.shape), np.uint8)
    for place, block in decode([indices[start : start + rows] for start in range(0, len(indices), rows)]):
        images[place * rows : place * rows + len(block)] = block
    return images


@functools.cache
def _tell(line: str) -> None:
    """Print `line` on stderr; a process prints the same line only once."""
    print(line, file=sys.stderr)
