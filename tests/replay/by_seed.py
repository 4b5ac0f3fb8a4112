"""Simulated searches seed by seed, on several processes, and the page about them; some scripts here share it."""

import argparse
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.progress import track

Settings = tuple[Any, ...]


def main(
    doc: str | None,
    page: Path,
    compare: Callable[..., Any],
    settings: Iterable[Settings],
    lines: Callable[[Mapping[Any, list[Any]]], Iterator[str]],
    *,
    seeds: int,
    first: int = 0,
) -> None:
    """Run `compare` with each seed in each of the settings, write the page and print it.

    Args:
        doc: the script's own, for its help.
        page: where the page is written, unless the command line says otherwise.
        compare: called with a seed and the settings' values.
        settings: for each row of the page.
        lines: of the page, from what `compare` gave seed by seed, by settings.
        seeds: how many, unless the command line says otherwise.
        first: the first seed.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=seeds, help=f"from {first}, two or more")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--page", type=Path, default=page)
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    found = {}
    with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn")) as pool:
        for one in settings:
            asked = [pool.submit(compare, seed, *one) for seed in range(first, first + given.seeds)]
            said = ", ".join(str(value) for value in one)
            found[one] = [each.result() for each in track(asked, description=said)]
    text = "\n".join(lines(found)) + "\n"
    given.page.write_text(text, encoding="utf-8")
    print(text)
