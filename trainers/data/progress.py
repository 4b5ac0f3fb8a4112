"""Progress on stderr, only for what takes long enough to make somebody wonder."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress

Item = TypeVar("Item")

PATIENCE = 2.0  # seconds of silence
LINE_EVERY = 10.0  # seconds between the lines of a log, which has no bar


def tracked(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """Pass the items on. Shows a bar on a terminal, and now and then a line elsewhere."""
    console = Console(stderr=True)
    bar = Progress(console=console, transient=True)
    task = bar.add_task(what, total=total)
    next_sign = time.monotonic() + PATIENCE
    try:
        for done, item in enumerate(items, start=1):
            yield item
            bar.update(task, completed=done)
            if time.monotonic() >= next_sign:
                if console.is_terminal:
                    bar.start()
                    next_sign = float("inf")
                else:
                    console.print(f"{what}: {done:,} of {total:,}", highlight=False)
                    next_sign = time.monotonic() + LINE_EVERY
    finally:
        if bar.live.is_started:
            bar.stop()
