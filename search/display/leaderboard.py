"""Finished trials as a table, best first, with the standard errors of their scores."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.text import Text

from search.display.fitted import Column, FittedTable
from search.evidence.ranking import Ranking, Validated, in_words
from search.evidence.standard_error import error_of_score, near_the_best
from search.journal.history import Trial
from search.journal.labels import values_of
from search.storage.search_folder import SearchFolder

BASELINE = "*"  # the mark after the loss of a baseline
WITH_ERROR = "± its standard error from the validation images"


def family_of(trial: Trial) -> str:
    """The family of a trial's loss, with the mark `BASELINE` if the trial is a baseline."""
    return trial.family + (BASELINE if trial.baseline else "")


def footnote(trials: Sequence[Trial]) -> Iterator[str]:
    """A line that explains the mark `BASELINE`; none if no trial is a baseline."""
    if any(trial.baseline for trial in trials):
        yield f"{BASELINE} a baseline, which is never stopped"


def leaderboard(
    ranked: Sequence[Trial],
    validated: Mapping[int, Validated] | None = None,
    errors: Mapping[int, float] | None = None,
) -> FittedTable:
    """A table of finished trials, with a row for each.

    Args:
        ranked: the trials, best first.
        validated: by trial number, the scores on fresh seeds, for trials that have any.
        errors: by trial number, the standard error of the score, for trials that have one.
    """
    told, wide = validated or {}, errors or {}
    has_decided = any(trial.decided is not None for trial in ranked)

    def score(trial: Trial) -> str:
        error = f" ± {wide[trial.number]:.4f}" if trial.number in wide else ""
        return f"{trial.score:.4f}{error}"

    rows = [
        (
            str(rank),
            str(trial.number),
            family_of(trial),
            *([told[trial.number].in_words() if trial.number in told else ""] if told else []),
            score(trial),
            *(["" if trial.decided is None else f"{trial.decided:.4f}"] if has_decided else []),
            values_of(trial),
        )
        for rank, trial in enumerate(ranked, 1)
    ]
    scores = [*([Column("fresh seeds")] if told else []), Column("score")]
    scores += [Column("decided by")] if has_decided else []
    columns = (Column("rank", right=True), Column("trial", right=True), Column("loss"), *scores)
    return FittedTable((*columns, Column("values", gives_way="wrapped")), rows)


def best(folder: SearchFolder, ranked: Ranking, most: int) -> Iterator[RenderableType]:
    """A search's best trials: a title, a table, and sentences on how sure the order of these trials is.

    Args:
        folder: the search's folder.
        ranked: the ranking of the search's finished trials, with one trial or more.
        most: the most rows of the table.
    """
    metric = folder.spec().search.metric
    validation = folder.about()["provenance"]["data"]["validation"]
    shown = ranked.trials[:most]
    found = {trial.number: error_of_score(trial, metric, validation) for trial in shown}
    errors = {} if ranked.validated else {number: error for number, error in found.items() if error is not None}
    yield Text(f"best (score: {metric}{f' {WITH_ERROR}' if errors else ''})", style="bold")
    yield leaderboard(shown, ranked.validated, errors)
    yield from footnote(shown)
    yield from in_words(ranked)
    if len(ranked.trials) > 1 and (error := errors.get(ranked.trials[0].number)) is not None:
        yield near_the_best(ranked.trials, error)
