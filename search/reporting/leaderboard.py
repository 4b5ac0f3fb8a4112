"""The report's leaderboard, and leaderboard.csv with every trial."""

from collections.abc import Sequence

import pandas as pd

from search.evidence.standard_error import near_the_best
from search.journal.frames import frames
from search.journal.history import Trial
from search.journal.labels import searched, searched_paths, short, symbol
from search.reporting.context import View
from search.reporting.html import Cell, Section, fill, paragraph, table

SHOWN = 50  # rows on the page; the CSV has all trials


def leaderboard(view: View) -> Section | None:
    """A table of the best `SHOWN` finished trials, with standard errors; a sentence if no trial has finished."""
    if not view.ranked:
        return Section("Leaderboard", paragraph("Nothing has finished yet."))
    paths = searched_paths(view.ranked[:SHOWN])
    fresh = ["fresh seeds"] if view.ranking.validated else []
    columns = ["rank", "trial", "loss", *fresh, "score", *_deciding(view), *map(symbol, paths)]
    rows = [_row(view, rank, trial, paths) for rank, trial in enumerate(view.ranked[:SHOWN], 1)]
    more = len(view.ranked) - len(rows)
    said = (
        f"{_of_ties(view)}{_of_fresh_seeds(view)}"
        f"Score: {view.metric_words} at a trial's last epoch. ± is its standard error from the choice of validation "
        f"images alone; seeds add to it. {_of_deciding(view)}"
        + (f"{more} more finished trials, and those that did not finish, " if more else "Trials that did not finish ")
        + "are in "
    )
    # the file is beside the page, and the live page serves it under the same name
    note = fill("sections.html", "with_file", said, view.folder.leaderboard.name, ". A click on a header sorts.")
    return Section("Leaderboard", table(columns, rows, sorted_by="rank", folds=True) + note)


def _deciding(view: View) -> list[str]:
    """The header of the column with the value that ranks the trials, if that is not the score."""
    return ["decided by"] if any(trial.decided is not None for trial in view.ranked) else []


def _of_deciding(view: View) -> str:
    """The explanation of the column "decided by"; empty if the table has no such column."""
    if not _deciding(view):
        return ""
    if any(trial.expected is not None for trial in view.ranked):
        return (
            f"Decided by: the {view.deciding_words} that all learning curves let expect of the trial, less one "
            "standard deviation; of a trial that is trained end to end, its own value. "
        )
    return f"The search ranked and stopped its trials by {view.deciding_words}. "


def _of_fresh_seeds(view: View) -> str:
    """The explanation of the column "fresh seeds"; empty if the table has no such column."""
    if not view.ranking.validated:
        return ""
    return (
        f"Fresh seeds: the mean of {view.metric_words} on {view.ranking.seeds} splits and initialisations that no "
        "trial of the search had, ± its standard error from seed to seed; by it the best few are ranked. "
    )


def _row(view: View, rank: int, trial: Trial, paths: Sequence[str]) -> list[Cell]:
    """A trial's row of the table. `paths` are the fields that have a column; the cell of a field may be empty."""
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
        Cell(name, mark=view.colour_of(trial.family)),
        *_fresh_cells(view, trial),
        Cell(_with_error(trial.score, error), trial.score),
        *(_deciding_cell(trial) if _deciding(view) else []),
        *values,
    ]


def _deciding_cell(trial: Trial) -> list[Cell]:
    return [Cell("") if trial.decided is None else Cell(f"{trial.decided:.4f}", trial.decided)]


def _fresh_cells(view: View, trial: Trial) -> list[Cell]:
    if not view.ranking.validated:
        return []
    found = view.ranking.validated.get(trial.number)
    if found is None or not found.scores:
        return [Cell("", 0.0)]
    return [Cell(_with_error(found.mean, found.error), found.mean)]


def _with_error(value: float, error: float | None) -> str:
    return f"{value:.4f}" if error is None else f"{value:.4f} ± {error:.4f}"


def _of_ties(view: View) -> str:
    """Sentences: which trials share the first place, and how many scores lie within one standard error of the best."""
    tied = [str(trial.number) for trial in view.ranked if view.merit(trial) == view.merit(view.ranked[0])]
    said = ""
    if len(tied) > 1:
        said = (
            f"Trials {', '.join(tied[:-1])} and {tied[-1]} share the first place; the order among them says nothing. "
        )
    error = view.error_of(view.ranked[0])
    if not view.ranking.validated and view.ranked[0].decided is None and error is not None and len(view.ranked) > 1:
        said += f"{near_the_best(view.ranked, error)} "
    return said


def as_csv(view: View) -> str:
    """A CSV with a row for every trial: first the finished trials, best first, then the others by number."""
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
    """Columns with each trial's mean on fresh seeds and the mean's standard error; empty for a trial without a mean."""
    found = [view.ranking.validated.get(number) for number in view.history.trials]
    means = [one.mean if one is not None and one.scores else None for one in found]
    errors = [None if one is None else one.error for one in found]
    return {"fresh_seeds_mean": pd.Series(means, dtype=float), "fresh_seeds_error": pd.Series(errors, dtype=float)}
