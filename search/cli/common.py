"""What several commands need: to parse CLASS=SHARE, show progress, and end with an exit code."""

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
    """The class and the share in `text`, the CLASS=SHARE of `flag`. Raises InputError if the share is not a number.

    The name of a class may have `=` in it: the last `=` counts.
    """
    name, equals, share = text.rpartition("=")
    try:
        return name, float(share if equals else "")
    except ValueError:
        raise InputError(f"{flag}: a class and a share are needed, melanoma=.9, but got {shown(text)}") from None


@contextmanager
def epochs_shown(last: int, quiet: bool) -> Iterator[Callable[..., None]]:
    """Show on a terminal how many of a trial's `last` epochs are done; on no terminal, or if `quiet`, show nothing.

    Yields a function to call after each epoch, with the epoch's number and metrics.
    """
    from trainers.data.io.progress import counted

    if quiet or not sys.stderr.isatty():  # a script would take lines on stderr for an error
        yield lambda step, metrics: None
        return
    with counted(last, "epochs", bar_at_once=True) as count:
        yield lambda step, metrics: count(step)


@contextmanager
def training_shown(quiet: bool) -> Iterator[Callable[[int, int, Mapping[str, float]], None]]:
    """Like `epochs_shown`, but yields the function `on_epoch` for `search.train`.

    `on_epoch` takes an epoch's number, the last epoch's number and the metrics. Its first call, with epoch 0, tells
    how many epochs there are.
    """
    with ExitStack() as stack:
        count: list[Callable[..., None]] = []

        def on_epoch(epoch: int, last: int, metrics: Mapping[str, float]) -> None:
            if epoch == 0:
                count.append(stack.enter_context(epochs_shown(last, quiet)))
            else:
                count[-1](epoch, metrics)

        yield on_epoch


def conclude(found: "SearchResult", json_: bool) -> NoReturn:
    """Print how a session of a search ended, and end this process with the exit code for that."""
    from search.display import summary, tables

    if json_:
        print_json(tables.as_json(found.folder, found.session.history))
    else:
        for line in summary.in_words(found.session):
            say(line)
    if found.reason == "interrupted":
        sys.exit(INTERRUPTED)
    sys.exit(DONE if found.session.history.ranked() else NOTHING_FINISHED)
