"""Send the small files of a search's folder as one line of text, which a job on the cluster prints.

`afcl ui --address` reads the line on another machine, which cannot reach the folder. To keep the line short, only the
new part of each journal is sent, and only those files of trials that have changed since the last line.
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

MARK = "afcl-folder "  # the beginning of the line, as a job prints other lines too
FILES = (ABOUT, SPEC, VERDICT, DELIVERED)
LOG_END = 64 * 1024  # how many bytes of a trial's log are sent, from its end
ALL_LOGS = 4 * 1024**2  # how many bytes of logs a line may have for each folder; the newest logs are preferred
OVERLAP = 60.0  # seconds before `since`: files written in them are sent again, as the last line may lack them


def packed(folder: SearchFolder, since: float = 0.0, journals: Mapping[str, int] | None = None) -> str:
    """The line to print, which `unpacked` reads. It holds the search, its last steps and its confirmations.

    Args:
        folder: the search's folder.
        since: when the last line was made, by this host's clock, in seconds since 1970; 0 sends files of all trials.
        journals: how many bytes of each journal the other machine has, by the name of its folder: "" for the search's,
            "final-1" for its last step's. None: the other machine has no journal.
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
    """Find the line of `packed` in a job's output, and read it.

    Returns:
        "at": when the line was made, in seconds since 1970. "folders": for the search ("") and each folder inside it
        (by its name), an entry with "files" (their texts by path), "journal" (new bytes in base64), "begin" (how many
        bytes of the journal come before the new ones), and "held" (the content of the driver's lock; None if no driver
        runs).

    Raises:
        ValueError: the output has no such line.
    """
    line = next((line for line in printed.splitlines() if line.startswith(MARK)), None)
    if line is None:
        raise ValueError("the folder was not sent")
    told: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(line.removeprefix(MARK))))
    return told


def write_files(path: Path, told: Mapping[str, Any]) -> bytes:
    """Write the files of one folder that were sent, except its journal.

    Args:
        path: where the copy of the folder is; it is created if needed.
        told: the folder's entry in "folders" of `unpacked`.

    Returns:
        The journal's new bytes, which come after the journal's first `told["begin"]` bytes.

    Raises:
        ValueError: the path of a file leads out of the folder.
    """
    for name, text in told["files"].items():
        place = (path / name).resolve()
        if not place.is_relative_to(path.resolve()):
            raise ValueError(f"{name} does not belong into a search's folder")
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(place, text.encode())
    return base64.b64decode(told["journal"])
