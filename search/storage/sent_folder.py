"""The small files of a search's folder as one line of text, for a machine that reaches the folder by a job alone.

What the other side has is not sent again: of a journal the part that is new, of trials the files that changed since.
"""

import base64
import json
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search.storage.search_folder import ABOUT, DELIVERED, DRIVER_LOCK, SPEC, VERDICT, SearchFolder
from search.storage.trial_folder import LOG, RESULT, TRIALS
from trainers.files import write_atomically

MARK = "afcl-folder "  # begins the line: a job's output has other lines too
FILES = (ABOUT, SPEC, VERDICT, DELIVERED)
LOG_END = 64 * 1024  # bytes of a trial's log that are sent
ALL_LOGS = 4 * 1024**2  # bytes of all logs that are sent at once, the newest first
OVERLAP = 60.0  # seconds: a file that was written while the last line was made is sent again


def packed(folder: SearchFolder, since: float = 0.0, journals: Mapping[str, int] | None = None) -> str:
    """The line.

    Args:
        folder: the search.
        since: when the last line was made, by this host's clock, in seconds since 1970; 0 sends everything.
        journals: how many bytes of each journal are there already: "" is the search's, "final-1" its last step's.
    """
    known = journals or {}
    folders: dict[str, dict[str, Any]] = {}
    told: dict[str, Any] = {"at": time.time(), "folders": folders}
    for one in (folder, *folder.inner()):
        inside = "" if one is folder else one.name
        folders[inside] = _told(one, since - OVERLAP, known.get(inside, 0))
    return MARK + base64.b64encode(zlib.compress(json.dumps(told).encode())).decode()


def _told(folder: SearchFolder, since: float, known: int) -> dict[str, Any]:
    content = folder.journal.read_bytes() if folder.journal.exists() else b""
    begin = known if known <= len(content) else 0
    texts = {name: folder.path / name for name in FILES}
    for name in (RESULT, LOG):
        found = sorted(folder.path.glob(f"{TRIALS}/*/{name}"), key=lambda path: -path.stat().st_mtime)
        left = ALL_LOGS
        for path in (one for one in found if one.stat().st_mtime > since):
            left -= min(path.stat().st_size, LOG_END) if name == LOG else 0
            if left > 0:
                texts[str(path.relative_to(folder.path))] = path
    held = None
    if folder.holder() is not None:
        held = json.loads((folder.path / DRIVER_LOCK).read_text(encoding="utf-8") or "{}")
    return {
        "files": {name: _end_of(path) for name, path in texts.items() if path.exists()},
        "journal": base64.b64encode(content[begin:]).decode(),
        "begin": begin,
        "held": held,
    }


def _end_of(path: Path) -> str:
    content = path.read_bytes()
    return (content[-LOG_END:] if path.name == LOG else content).decode("utf-8", errors="replace")


def unpacked(printed: str) -> dict[str, Any]:
    """What a line holds, found in a job's output. Raises ValueError if there is none."""
    line = next((line for line in printed.splitlines() if line.startswith(MARK)), None)
    if line is None:
        raise ValueError("the folder was not sent")
    told: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(line.removeprefix(MARK))))
    return told


def write_files(path: Path, told: Mapping[str, Any]) -> bytes:
    """Write what was sent of one folder, except its journal.

    Args:
        path: the copy of the folder; it is created if needed.
        told: the entry of the folder.

    Returns:
        The journal's new bytes, which follow the first `told["begin"]` ones.
    """
    for name, text in told["files"].items():
        place = (path / name).resolve()
        if not place.is_relative_to(path.resolve()):
            raise ValueError(f"{name} does not belong into a search's folder")
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(place, text.encode())
    return base64.b64decode(told["journal"])
