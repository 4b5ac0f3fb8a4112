"""How well a probe at a rung orders configurations as their test scores do, by estimator, on the recorded table.

    python tests/replay/probe_order.py [--table TABLE] [--parts FOLDER] [--page PAGE]

For each regime, cell and rung: Kendall's tau-b over configurations between the estimator's balanced accuracy on the
validation images of that cell and its mean test score in the configuration's other cells, at its end. The end of
`probe` (today's probe beside AdamW) is `final`, AdamW's classifier; that of `min` and `eff` is the last epoch's value.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import pandas as pd
from played import TPE_AND_ASHA
from record import PARTS, TABLE
from scipy.stats import kendalltau

from search.algorithms.asha import rung_epochs
from spaces.spec import load_spec

ENDS = {"probe": "final", "min": "min", "eff": "eff"}
HEADING = "## Kendall's tau"  # by which tests/bench/estimators.py knows this part of the page
PAGE = TABLE.parents[1] / "bench" / "estimators.md"
KEYS = ["regime", "configuration", "cell"]
SCORE = "balanced_accuracy"


def recorded(table: Path, parts: Path) -> pd.DataFrame:
    """All rows that are there, of trials that did not fail."""
    found = [pd.read_parquet(path) for path in (table, *sorted(parts.glob("*.parquet"))) if path.exists()]
    rows = pd.concat([one for one in found if not one.empty], ignore_index=True)
    return rows[rows["failure"].isna()].drop_duplicates([*KEYS, "epoch", "estimator", "split"])


def whole(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of those configurations that have all cells."""
    cells = rows.groupby(["regime", "configuration"])["cell"].transform("nunique")
    return rows[cells == rows["cell"].nunique()]


def taus(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """A row for each regime, estimator and epoch: tau in the cell that all share, and the mean over the own cells."""
    last = int(rows["epoch"].max())
    for regime, of_regime in rows.groupby("regime"):
        for estimator, end in ENDS.items():
            is_end = (of_regime["estimator"] == end) & (of_regime["epoch"] == last) & (of_regime["split"] == "test")
            tests = of_regime[is_end].pivot(index="configuration", columns="cell", values=SCORE)
            for epoch in (*rung_epochs(load_spec("demo", TPE_AND_ASHA)), last):
                is_probe = (of_regime["estimator"] == estimator) & (of_regime["epoch"] == epoch)
                chosen = of_regime[is_probe & (of_regime["split"] == "val")]
                probes = chosen.pivot(index="configuration", columns="cell", values=SCORE).reindex(tests.index)
                by_cell = {
                    cell: float(kendalltau(probes[cell], tests.drop(columns=cell).mean(axis=1)).statistic)
                    for cell in tests.columns
                }
                yield {
                    "regime": regime,
                    "configurations": len(tests),
                    "estimator": estimator,
                    "epoch": epoch,
                    "shared cell": by_cell.pop(0),
                    "own cells": mean(by_cell.values()),
                }


def asked(description: str | None, page: Path) -> argparse.Namespace:
    """What a script that makes a page of the recorded table is asked: table, parts and page."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--parts", type=Path, default=PARTS)
    parser.add_argument("--page", type=Path, default=page)
    return parser.parse_args()


def main() -> None:
    """Write the table to the end of the page, in place of an older one, and print it."""
    given = asked(__doc__, PAGE)
    section = "\n".join(in_markdown(list(taus(whole(recorded(given.table, given.parts))))))
    page = given.page.read_text() if given.page.exists() else ""
    given.page.write_text(f"{page.partition(HEADING)[0].rstrip()}\n\n{section}\n")
    print(section)


def in_markdown(found: list[dict[str, Any]]) -> Iterator[str]:
    """The section, whose table has these rows."""
    yield f"{HEADING} at a rung with the test score"
    yield ""
    yield (
        "Written by `tests/replay/probe_order.py` from the recorded table (`tests/replay/record.py`): Kendall's tau-b "
        "over configurations between the balanced accuracy of a probe on a cell's validation images and the mean test "
        "score of the configuration's other five cells, by the same estimator at the end (of `probe`: by AdamW's "
        "classifier). In the shared cell all configurations have one split and initialisation; in the own cells each "
        "has its own. With few configurations a tau of .3 is within chance."
    )
    yield ""
    yield "| training images | configurations | estimator | epoch | tau, shared cell | tau, own cells (mean of 5) |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for one in found:
        yield (
            f"| {one['regime']} | {one['configurations']} | {one['estimator']} | {one['epoch']} "
            f"| {one['shared cell']:+.2f} | {one['own cells']:+.2f} |"
        )


if __name__ == "__main__":
    main()
