"""What the command line's words share: where they print, and the codes with which they end."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

from rich.console import Console, ConsoleDimensions

from trainers.console import terminal_variables

if TYPE_CHECKING:
    from search.engine.runner import SearchResult
    from search.storage.search_folder import SearchFolder

UNBOUNDED = 10_000  # columns: more than any table here has
DONE, NOTHING_FINISHED, BAD_INPUT, BAD_ENVIRONMENT, INTERRUPTED = 0, 1, 2, 3, 130


class Terminal(Console):
    """A console that goes quiet when whoever reads it has gone (`| head`): a search must not end of that."""

    def __init__(self, *, file: IO[str]) -> None:
        super().__init__(file=file, _environ=terminal_variables())
        if not (self.is_terminal and file.isatty()):  # a pipe or a file has no edge at which a table must be cut
            self.size = ConsoleDimensions(UNBOUNDED, self.height)

    def on_broken_pipe(self) -> None:
        """Say nothing more."""
        self.quiet = True
        with suppress(OSError, ValueError):  # no file of the system's
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())  # else Python complains of it at its end


err = Terminal(file=sys.stderr)
out = Terminal(file=sys.stdout)  # as it is now: a search sends what others print to its log


def console_for(json_: bool) -> Console:
    """Where a search is shown: beside its JSON, or as its output."""
    return err if json_ else out


def say(line: Any) -> None:
    """Print a line, or what rich can draw."""
    out.print(line, highlight=False, markup=False, soft_wrap=isinstance(line, str))


def print_json(value: object) -> None:
    """Print plain values for a program."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def overridden(set_: list[str] | None, tracking_uri: str | None, storage: str | None) -> list[str]:
    """What the command line and the environment change in a spec, as `--set` would."""
    flags = {"tracking.uri": tracking_uri, "storage.uri": storage or os.environ.get("AFCL_STORAGE")}
    return [*(set_ or ()), *(f"{path}={json.dumps(value)}" for path, value in flags.items() if value)]


def opened(name: str, results: Path | None) -> "SearchFolder":
    """The folder of the search, or of the confirmation (NAME/confirm-1), that is named.

    Raises InputError when there is none.
    """
    from search.storage import search_folder

    search, slash, inside = name.partition("/")
    folder = search_folder.open_folder(search_folder.results_root(results), search)
    return search_folder.open_folder(folder.path, inside) if slash else folder


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
