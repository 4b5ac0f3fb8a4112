"""The range of brightness in images of more than 8 bits: measured once, and kept beside the array cache.

    arrays/levels-9f3c….json     {"integers": [0, 3912]}

Measuring reads all pixels, so the result is used again as long as the files keep their sizes and times of change.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import reduce
from operator import or_
from pathlib import Path

from trainers.data.io.items import Item, reason
from trainers.data.io.progress import tracked
from trainers.data.io.sixteen_bit import Kind, Levels, read_deep
from trainers.files import write_atomically

FORMAT = 1
THREADS = 4  # Pillow lets go of the interpreter's lock while it decodes


def measure(root: Path, items: Mapping[Kind, Sequence[Item]], broken: dict[str, str]) -> dict[Kind, Levels]:
    """For each kind of image, the darkest and brightest level of the pixels that are not fully transparent.

    `items` are the images of each kind, integers or floats. A kind without any such pixel is left out. Files that
    cannot be read are added to `broken`, with the reasons.
    """
    kept = root / "arrays" / f"levels-{_key(items)}.json"
    with suppress(OSError, ValueError, TypeError, KeyError):
        stored = json.loads(kept.read_text(encoding="ascii"))
        return {kind: Levels(*map(float, stored[kind])) for kind in items if stored[kind] is not None}
    before = len(broken)
    found: dict[Kind, Levels] = {}
    for kind, some in items.items():
        levels = _measured(some, broken)
        if levels is not None:
            found[kind] = levels
    if len(broken) == before:
        plain = {kind: [found[kind].darkest, found[kind].brightest] if kind in found else None for kind in items}
        with suppress(OSError):  # if the levels cannot be stored, they are measured each time
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(kept, json.dumps(plain).encode())
    return found


def _measured(items: Sequence[Item], broken: dict[str, str]) -> Levels | None:
    def levels(item: Item) -> Levels | None:
        try:
            return read_deep(item.path).levels()
        except Exception as error:  # a decoder may raise any kind
            broken[item.file] = reason(error, item.path)
            return None

    threads = ThreadPoolExecutor(THREADS)
    try:
        each = list(tracked(threads.map(levels, items), len(items), "Measuring brightness"))
    finally:
        threads.shutdown(cancel_futures=True)  # else Ctrl-C would wait for all remaining files
    known = [one for one in each if one is not None]
    return reduce(or_, known) if known else None


def _key(items: Mapping[Kind, Sequence[Item]]) -> str:
    parts: list[object] = [FORMAT]
    for kind, some in sorted(items.items()):
        parts += [kind, *([os.fspath(item.path.absolute()), *_of_file(item.path)] for item in some)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _of_file(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0  # `measure` will report it
    return found.st_size, found.st_mtime_ns
