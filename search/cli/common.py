"""What the commands share: flags with a value to parse, the end of a session, and the exit codes."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NoReturn

from search.display.console import print_json, say
from trainers.errors import InputError
from trainers.wording import shown

if TYPE_CHECKING:
    from search.handle import SearchResult

DONE, NOTHING_FINISHED, BAD_INPUT, BAD_ENVIRONMENT, INTERRUPTED = 0, 1, 2, 3, 130


def class_and_share(text: str, flag: str) -> tuple[str, float]:
    """Parse a flag's CLASS=SHARE. A class's name may have `=` in it. Raises InputError if the share is not a number."""
    name, equals, share = text.rpartition("=")
    try:
        return name, float(share if equals else "")
    except ValueError:
        raise InputError(f"{flag}: a class and a share are needed, melanoma=.9, but got {shown(text)}") from None


@contextmanager
def epochs_shown(last: int, quiet: bool) -> Iterator[Callable[..., None]]:
    """Show on a terminal how many of a trial's epochs are done. Yields the function that takes the trial's reports."""
    from trainers.data.io.progress import counted

    if quiet or not sys.stderr.isatty():  # a script would take a line on stderr for an error
        yield lambda step, metrics: None
        return
    with counted(last, "epochs", bar_at_once=True) as count:
        yield lambda step, metrics: count(step)


@contextmanager
def training_shown(quiet: bool) -> Iterator[Callable[[int, int, Mapping[str, float]], None]]:
    """Like `epochs_shown`, for `search.train`, whose first report has the number of epochs."""
    with ExitStack() as stack:
        count: list[Callable[..., None]] = []

        def on_epoch(epoch: int, last: int, metrics: Mapping[str, float]) -> None:
            if epoch == 0:
                count.append(stack.enter_context(epochs_shown(last, quiet)))
            else:
                count[-1](epoch, metrics)

        yield on_epoch


def conclude(found: "SearchResult", json_: bool) -> NoReturn:
    """Say how a session of a search ended, and end with its exit code."""
    from search.display import summary, tables

    if json_:
        print_json(tables.as_json(found.folder, found.session.history))
    else:
        for line in summary.in_words(found.session):
            say(line)
    if found.reason == "interrupted":
        sys.exit(INTERRUPTED)
    sys.exit(DONE if found.session.history.ranked() else NOTHING_FINISHED)
