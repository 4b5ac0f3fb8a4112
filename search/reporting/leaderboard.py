"""The report's leaderboard, and a CSV with every trial."""

from collections.abc import Sequence

import pandas as pd

from search.journal.frames import frames
from search.journal.history import Trial
from search.journal.labels import searched, searched_paths, short, symbol
from search.reporting.context import View, colour_of
from search.reporting.html import Cell, Section, paragraph, table

SHOWN = 50  # rows on the page; the CSV has all trials


def leaderboard(view: View) -> Section | None:
    """Finished trials, best first, each score with its standard error."""
    if not view.ranked:
        return Section("Leaderboard", paragraph("Nothing has finished yet."))
    paths = searched_paths(view.ranked[:SHOWN])
    fresh = ["fresh seeds", "± s.e. of it"] if view.ranking.validated else []
    columns = ["rank", "trial", "loss", *fresh, "score", "± s.e.", *_deciding(view), *map(symbol, paths)]
    rows = [_row(view, rank, trial, paths) for rank, trial in enumerate(view.ranked[:SHOWN], 1)]
    more = len(view.ranked) - len(rows)
    note = (
        f"{_of_fresh_seeds(view)}"
        f"Score: {view.metric_words} at a trial's last epoch. ± is the standard error from the choice of validation "
        f"images alone; seeds add to it. {_of_deciding(view)}"
        + (f"{more} more finished trials, and those that did not finish, " if more else "Trials that did not finish ")
        + f"are in {view.folder.leaderboard.name} beside this page. A click on a header sorts."
    )
    return Section("Leaderboard", table(columns, rows, sorted_by="rank") + paragraph(note))


def _deciding(view: View) -> list[str]:
    """The header of the column with the value that ranks the trials, if that is not the score."""
    return [] if view.ranked[0].decided is None else ["decided by"]


def _of_deciding(view: View) -> str:
    """The explanation of that column; empty if there is none."""
    return f"By {view.deciding_words} the search ranked and stopped its trials. " if _deciding(view) else ""


def _of_fresh_seeds(view: View) -> str:
    """The explanation of the columns of fresh seeds; empty if there are none."""
    if not view.ranking.validated:
        return ""
    return (
        f"Fresh seeds: the mean of {view.metric_words} on {view.ranking.seeds} splits and initialisations that no "
        "trial of the search had, with its standard error from seed to seed; by it the best few are ranked. "
    )


def _row(view: View, rank: int, trial: Trial, paths: Sequence[str]) -> list[Cell]:
    """A row of the table. `paths` are the fields in its columns; a cell is empty if the trial has no such field."""
    assert trial.score is not None, "only finished trials are ranked"
    error = view.error_of(trial)
    name = trial.family + (" (baseline)" if trial.baseline else "")
    told = searched(trial)
    values = [
        Cell(short(told[path]), float(told[path]) if isinstance(told[path], int | float) else None)
        if path in told
        else Cell("")
        for path in paths
    ]
    return [
        Cell(str(rank), rank),
        Cell(str(trial.number), trial.number),
        Cell(name, mark=colour_of(trial.family)),
        *_fresh_cells(view, trial),
        Cell(f"{trial.score:.4f}", trial.score),
        Cell("" if error is None else f"{error:.4f}", 0.0 if error is None else error),
        *([] if trial.decided is None else [Cell(f"{trial.decided:.4f}", trial.decided)]),
        *values,
    ]


def _fresh_cells(view: View, trial: Trial) -> list[Cell]:
    if not view.ranking.validated:
        return []
    found = view.ranking.validated.get(trial.number)
    if found is None or not found.scores:
        return [Cell("", 0.0), Cell("", 0.0)]
    return [
        Cell(f"{found.mean:.4f}", found.mean),
        Cell("" if found.error is None else f"{found.error:.4f}", found.error or 0.0),
    ]


def as_csv(view: View) -> str:
    """Every trial, finished ones first and best first, then the others by number."""
    trials = frames(view.history).trials
    place = {trial.number: rank for rank, trial in enumerate(view.ranked, 1)}
    told, found = view.history.trials.values(), view.ranking.validated
    trials = trials.assign(
        rank=trials["trial"].map(place).astype("Int64"),
        standard_error=pd.Series([view.error_of(trial) for trial in told], dtype=float),
        **(_fresh_columns(view) if found else {}),
        latest=pd.Series([trial.latest(view.metric) for trial in told], dtype=float),
    ).rename(columns={"latest": f"last_{view.metric}"})
    columns = ["rank", *(column for column in trials.columns if column != "rank")]
    return trials[columns].sort_values(["rank", "trial"], na_position="last").to_csv(index=False, lineterminator="\n")


def _fresh_columns(view: View) -> dict[str, pd.Series]:
    """Mean and standard error on fresh seeds by trial; empty for a trial without any."""
    found = [view.ranking.validated.get(number) for number in view.history.trials]
    means = [one.mean if one is not None and one.scores else None for one in found]
    errors = [None if one is None else one.error for one in found]
    return {"fresh_seeds_mean": pd.Series(means, dtype=float), "fresh_seeds_error": pd.Series(errors, dtype=float)}
