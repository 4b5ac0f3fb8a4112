"""What a search or a confirmation prints at its end: the results, where to look, what to type next."""

from collections.abc import Iterator

from rich.console import RenderableType

from search.display.leaderboard import best
from search.engine.confirmation import Confirmed
from search.engine.runner import SessionEnd
from search.engine.status import counts_line, luck_in_words, state_in_words
from search.evidence.evidence import Evidence, below_table, table
from search.evidence.evidence import in_words as in_sentences
from search.evidence.ranking import ranking
from search.storage.search_folder import SearchFolder


def in_words(found: SessionEnd) -> Iterator[RenderableType]:
    """What a search prints at the end of a session, as lines and tables."""
    folder, history = found.folder, found.history
    about = folder.about()
    yield ""
    ended = "the search is done" if found.reason == "done" else state_in_words(found.reason)
    yield f"{ended}: {counts_line(folder, history)}"
    yield from luck_in_words(history)
    yield f"data: {about['provenance']['data']['description']}"
    ranked = ranking(folder, history)
    if ranked.trials:
        yield ""
        yield from best(folder, ranked, 10)
        if not ranked.validated:
            yield "One seed each: scores that lie close together are not distinguished; luck is part of the best one."
    yield ""
    if folder.report.exists():  # without plotly there is no report
        yield f"report   {folder.report}"
    yield f"runs     {folder.hint('ui', named=folder.spec().tracking.uri is not None)}   ({_in_mlflow(found)})"
    if found.different:
        yield f"MLflow differs from the journal: {'; '.join(found.different)}"
    if found.undelivered:
        problem = f" ({found.tracking_problem})" if found.tracking_problem else ""
        yield f"MLflow lacks {found.undelivered} events{problem}; deliver them with: {folder.hint('sync')}"
    if found.reason != "done":
        yield f"go on    {folder.hint('resume')}"
    elif history.ranked():
        yield from next_steps(folder, len(history.ranked()))
    else:
        yield f"nothing finished; see: {folder.hint('show')}"


def next_steps(folder: SearchFolder, finished: int) -> Iterator[str]:
    """What to type after a search is done: `afcl confirm`, unless it was confirmed already, and then `afcl export`.

    `finished` is the number of finished trials.
    """
    export = folder.export_hint(finished)
    if any(one.verdict.exists() for one in folder.confirmations()):
        yield f"next     {export}"
        return
    yield f"next     {folder.hint('confirm')}   (on fresh seeds and the test split: is the best one better?)"
    yield f"then     {export}"


def confirmed_in_words(folder: SearchFolder, weighed: Evidence) -> Iterator[RenderableType]:
    """What a confirmation prints at its end, as lines and tables."""
    yield ""
    yield table(weighed)
    yield from below_table(weighed)
    yield ""
    yield from in_sentences(weighed)
    yield ""
    yield f"report   {folder.searched.report}"
    yield f"numbers  {folder.verdict}"


def unconfirmed_in_words(confirmed: Confirmed) -> Iterator[str]:
    """Why a confirmation stopped before all its runs had ended, and how to go on."""
    counts = counts_line(confirmed.folder, confirmed.folder.history())
    yield f"{state_in_words(confirmed.ended)}: {counts}"
    yield f"go on    {confirmed.folder.hint('resume')}"


def _in_mlflow(found: SessionEnd) -> str:
    history = found.history
    if found.different != []:
        return f"MLflow; the parent run is {found.folder.name}"
    if found.refused:
        return f"MLflow: parent run {found.folder.name}, with all that it took, counted"
    epochs = sum(len(trial.epochs) for trial in history.trials.values())
    return f"MLflow: parent run {found.folder.name}, all {len(history.trials)} trials and {epochs} epochs, counted"
