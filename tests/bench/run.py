"""`make bench`: every timing as a ratio to something known, in one table, with the machine it was taken on.

    python tests/bench/run.py [--threads N] [--device cuda] [TOPIC ...]    topics: see TOPICS; all by default

One thread unless told otherwise: a trial of the demo is granted one, and two threads on a machine whose cores have
other work wait for each other most of the time, so that the table would tell of that work and not of ours.

A timing is never a test: nothing here fails because a machine is slow. A further topic is a further file with a
function `rows(say)`, named in TOPICS.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import bench_augment
import bench_cache
import bench_loss
import bench_overhead
import bench_plain
import bench_search
import bench_slots
import bench_trial
import torch
from measure import OUT, Row, Topic, compute_on, where
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from search.storage.provenance import cpu_kind, git_commit, versions
from trainers.console import can_redraw
from trainers.files import write_atomically

TOPICS: dict[str, Topic] = {
    "loss": bench_loss.rows,
    "augment": bench_augment.rows,
    "cache": bench_cache.rows,
    "trial": bench_trial.rows,
    "plain": bench_plain.rows,
    "search": bench_search.rows,
    "slots": bench_slots.rows,
    "overhead": bench_overhead.rows,
}
NOTES = (
    "Medians of runs taken in turns; ratio is ours over the other, so that below 1 is quicker or smaller. "
    "Spread is the wider interquartile range of both, as a share of its median: a difference within it says nothing."
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Timings as ratios, into results/bench/.")
    parser.add_argument("--threads", type=int, default=1, help="of torch, and of what it is compared with [1]")
    parser.add_argument("--device", default="cpu", help="of loss, augment, trial and plain: cpu, or cuda [cpu]")
    parser.add_argument("topics", nargs="*", metavar="topic", help=f"some of: {', '.join(TOPICS)} [all]")
    given = parser.parse_args()
    unknown = [name for name in given.topics if name not in TOPICS]
    if unknown:
        parser.error(f"no topic {unknown[0]!r}; known are {', '.join(TOPICS)}")
    if given.threads < 1:
        parser.error(f"--threads must be at least 1, but got {given.threads}")
    if given.device != "cpu" and not torch.cuda.is_available():
        parser.error(f"--device {given.device}: torch sees no GPU here")
    compute_on(given.device)
    torch.set_num_threads(given.threads)
    topics = {name: rows for name, rows in TOPICS.items() if not given.topics or name in given.topics}
    OUT.mkdir(parents=True, exist_ok=True)
    started, measured = time.perf_counter(), list[Row]()
    for topic in _measured(topics, Console(stderr=True)):
        measured += topic
        about = _about(time.perf_counter() - started)
        _write(measured, about)  # what a later topic may not take away
    console = Console()
    if not console.is_terminal:
        console.width = 110  # a log has no width to keep to
    console.print(_table(measured))
    console.print(f"\n{_machine(about)}\n{NOTES}\n{OUT / 'bench.md'} and bench.json", highlight=False, soft_wrap=True)


def _measured(topics: dict[str, Topic], console: Console) -> Iterator[list[Row]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(topics))

        def say(what: str) -> None:
            progress.update(task, description=what)
            if not can_redraw(console):  # a log wants lines
                console.print(what, highlight=False)

        for rows in topics.values():
            yield list(rows(say))
            progress.advance(task)


def _write(measured: list[Row], about: dict[str, Any]) -> None:
    content = about | {"rows": [asdict(row) for row in measured]}
    write_atomically(OUT / "bench.json", (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    write_atomically(OUT / "bench.md", _markdown(measured, about).encode())


def _about(seconds: float) -> dict[str, Any]:
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "cpu": cpu_kind(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": "cpu" if where().type == "cpu" else torch.cuda.get_device_name(where()),
        "load": round(os.getloadavg()[0], 2),
        "git_commit": git_commit(),
        "versions": versions(),
        "seconds": round(seconds, 1),
    }


def _machine(about: dict[str, Any]) -> str:
    used = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return (
        f"{about['date']}; {about['cpu']}, {about['cores']} cores, threads: {about['threads']}, "
        f"device: {about['device']}, load {about['load']} at the end; commit {about['git_commit']}; {used}; "
        f"{about['seconds']} s"
    )


HEAD = ("what", "ours", "the other", "", "ratio", "runs", "spread")


def _cells(row: Row) -> tuple[str, ...]:
    values = (
        f"{value:.3g} {row.unit}" if value < 1000 else f"{value:.0f} {row.unit}" for value in (row.ours, row.other)
    )
    ours, other = values
    return (row.what, ours, other, row.other_name, f"{row.ratio:.3g}", str(row.runs), f"{row.spread:.0%}")


def _table(measured: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(HEAD):
        table.add_column(column, justify="left" if number in (0, 3) else "right", no_wrap=number not in (0, 3))
    for row in measured:
        table.add_row(*_cells(row))
    return table


def _markdown(measured: list[Row], about: dict[str, Any]) -> str:
    lines = ["# Bench", "", f"{_machine(about)}.", "", NOTES, ""]
    lines += [f"| {' | '.join(HEAD)} |", "| --- | ---: | ---: | --- | ---: | ---: | ---: |"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in measured]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
