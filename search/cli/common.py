"""What the words of the command line share: the search that is named, how a session ends, and the exit codes."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from search.display.console import print_json, say

if TYPE_CHECKING:
    from search.engine.runner import SearchResult
    from search.storage.search_folder import SearchFolder

DONE, NOTHING_FINISHED, BAD_INPUT, BAD_ENVIRONMENT, INTERRUPTED = 0, 1, 2, 3, 130


def overridden(set_: list[str] | None, tracking_uri: str | None, storage: str | None) -> list[str]:
    """What the command line and the environment change in a spec, as `--set` would."""
    flags = {"tracking.uri": tracking_uri, "storage.uri": storage or os.environ.get("AFCL_STORAGE")}
    return [*(set_ or ()), *(f"{path}={json.dumps(value)}" for path, value in flags.items() if value)]


def opened(name: str, results: Path | None) -> "SearchFolder":
    """The folder of the search, or of the confirmation (NAME/confirm-1), that is named.

    Raises InputError when there is none.
    """
    from search.storage.results_folder import open_folder
    from search.storage.search_folder import results_root

    search, slash, inside = name.partition("/")
    folder = open_folder(results_root(results), search)
    return open_folder(folder.path, inside) if slash else folder


@contextmanager
def epochs_shown(last: int, quiet: bool) -> Iterator[Callable[..., None]]:
    """On a terminal, how many of a trial's epochs are done; what is yielded takes its reports."""
    from trainers.data.io.progress import counted

    if quiet or not sys.stderr.isatty():  # a script takes what stands on stderr for a complaint
        yield lambda step, metrics: None
        return
    with counted(last, "epochs", bar_at_once=True) as count:
        yield lambda step, metrics: count(step)


def conclude(found: "SearchResult", json_: bool) -> NoReturn:
    """Say how a session of a search ended, and end with its exit code."""
    from search.display import summary, tables

    if json_:
        print_json(tables.as_json(found.folder, found.history))
    else:
        for line in summary.in_words(found):
            say(line)
    if found.reason == "interrupted":
        sys.exit(INTERRUPTED)
    sys.exit(DONE if found.history.ranked() else NOTHING_FINISHED)
