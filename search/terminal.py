"""What the command line's words share: where they print, and the codes with which they end."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from search.store import SearchFolder

DONE, NOTHING_FINISHED, BAD_INPUT, BAD_ENVIRONMENT, INTERRUPTED = 0, 1, 2, 3, 130

err = Console(file=sys.stderr)
out = Console(file=sys.stdout)  # as it is now: a search sends what others print to its log


def console_for(json_: bool) -> Console:
    """Where a search is shown: beside its JSON, or as its output."""
    return err if json_ else out


def say(line: Any) -> None:
    """Print a line, or what rich can draw."""
    out.print(line, highlight=False, markup=False, soft_wrap=isinstance(line, str))


def print_json(value: object) -> None:
    """Print plain values for a program."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def opened(name: str, results: Path | None) -> "SearchFolder":
    """The folder of the search that is named. Raises InputError when there is none."""
    from search import store

    return store.open_folder(store.results_root(results), name)


@contextmanager
def epochs_shown(last: int, quiet: bool) -> Iterator[Callable[..., None]]:
    """A bar over a trial's epochs; what is yielded takes its reports."""
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=quiet or not console.is_terminal, transient=True) as bar:
        task = bar.add_task("epochs", total=last)
        yield lambda step, metrics: bar.update(task, completed=step)
