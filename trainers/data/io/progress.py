"""Progress on stderr, for work that takes more than a moment."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress

from trainers.console import can_redraw, terminal_variables

Item = TypeVar("Item")

PATIENCE = 2.0  # seconds before the first sign of progress
LINE_EVERY = 10.0  # seconds between lines, if no bar can be drawn


def tracked(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """Yield the items, and show how many have been yielded, as `counted` does."""
    with counted(total, what) as count:
        for done, item in enumerate(items, start=1):
            yield item
            count(done)


@contextmanager
def counted(total: int, what: str, *, bar_at_once: bool = False) -> Iterator[Callable[[int], None]]:
    """Show progress after two seconds: a bar on a terminal, elsewhere a line every ten seconds.

    Yields a function to call with the number of items done so far. `bar_at_once` shows a bar before the first item is
    done, for items that take long.
    """
    console = Console(stderr=True, _environ=terminal_variables())
    bar = Progress(console=console, transient=True)
    task = bar.add_task(what, total=total)
    next_sign = time.monotonic() + PATIENCE
    drawn = can_redraw(console)

    def count(done: int) -> None:
        nonlocal next_sign
        bar.update(task, completed=done)
        if time.monotonic() < next_sign:
            return
        if drawn:
            bar.start()
            next_sign = float("inf")
        else:
            console.print(f"{what}: {done:,} of {total:,}", highlight=False, markup=False, soft_wrap=True)
            next_sign = time.monotonic() + LINE_EVERY

    try:
        if drawn and bar_at_once:
            bar.start()
            next_sign = float("inf")
        yield count
    finally:
        if bar.live.is_started:
            bar.stop()
