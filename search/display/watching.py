"""Wait for a search that has not begun yet."""

import time
from collections.abc import Callable
from pathlib import Path

from search.storage.results_folder import open_folder
from search.storage.search_folder import SearchFolder, results_root
from spaces.spec import NAME

EVERY = 2.0  # seconds between two checks


def wait_until_begun(name: str, results: Path | None, tell: Callable[[str], None]) -> None:
    """Return as soon as the search exists and a driver runs it or has run it. With an invalid name, return at once.

    Args:
        name: the search's name, or NAME/confirm-1 for one of its confirmations.
        results: the results folder; see `results_root`.
        tell: is called once, with a message that says what is waited for.
    """
    root, told = results_root(results), False
    search = name.partition("/")[0]
    while NAME.fullmatch(search) and not _has_begun(root, search):
        if not told:
            tell(f"{search} has not begun in {root}; waiting for it")
            told = True
        time.sleep(EVERY)


def _has_begun(root: Path, name: str) -> bool:
    if not (root / name).exists():
        return False
    folder: SearchFolder = open_folder(root, name)
    return folder.holder() is not None or bool(folder.history().sessions)
