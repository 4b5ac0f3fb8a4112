"""The report's leaderboard, and the same with every trial as a CSV beside it."""

import csv
import io
from collections.abc import Iterator

from search.history import Trial
from search.page import Cell, Section, paragraph, table
from search.tables import searched, short, symbol
from search.view import COLOURS, View

SHOWN = 50  # rows on the page; the CSV has them all


def leaderboard(view: View) -> Section | None:
    """Finished trials, best first, each score with its standard error."""
    if not view.ranked:
        return Section("Leaderboard", paragraph("Nothing has finished yet."))
    columns = ["rank", "trial", "loss", "score", "± s.e.", *map(symbol, searched(view.ranked[0]))]
    rows = [_row(view, rank, trial) for rank, trial in enumerate(view.ranked[:SHOWN], 1)]
    more = len(view.ranked) - len(rows)
    note = (
        f"Score: {view.metric_words} at a trial's last epoch. ± is the standard error from the choice of validation "
        f"images alone; seeds add to it. "
        + (f"{more} more finished trials, and those that did not finish, " if more else "Trials that did not finish ")
        + "are in leaderboard.csv beside this page. A click on a header sorts."
    )
    return Section("Leaderboard", table(columns, rows, sorted_by="rank") + paragraph(note))


def _row(view: View, rank: int, trial: Trial) -> list[Cell]:
    assert trial.score is not None, "only finished trials are ranked"
    error = view.error_of(trial)
    name = trial.family + (" (baseline)" if trial.baseline else "")
    values = [
        Cell(short(value), float(value) if isinstance(value, int | float) else None)
        for value in searched(trial).values()
    ]
    return [
        Cell(str(rank), rank),
        Cell(str(trial.number), trial.number),
        Cell(name, mark=COLOURS[trial.family]),
        Cell(f"{trial.score:.4f}", trial.score),
        Cell("" if error is None else f"{error:.4f}", 0.0 if error is None else error),
        *values,
    ]


def as_csv(view: View) -> str:
    """Every trial, finished ones first and best first, then the others by number."""
    out = io.StringIO()
    rows = list(_csv_rows(view))
    columns = dict.fromkeys(key for row in rows for key in row)
    writer = csv.DictWriter(out, list(columns) or ["trial"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _csv_rows(view: View) -> Iterator[dict[str, object]]:
    others = [trial for trial in view.history.trials.values() if trial.state != "finished"]
    for rank, trial in enumerate([*view.ranked, *others], 1):
        finished = trial.state == "finished"
        yield {
            "rank": rank if finished else None,
            "trial": trial.number,
            "loss": trial.family,
            "baseline": trial.baseline,
            "state": trial.state,
            "epoch": trial.epoch,
            "rung": trial.rung,
            "score": trial.score,
            "standard_error": view.error_of(trial),
            f"last_{view.metric}": trial.latest(view.metric),
            "reason": trial.reason,
            **searched(trial),
        }
