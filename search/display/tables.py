"""Searches and trials as tables for a terminal, and as plain values for `--json`."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from search.display.durations import in_words
from search.display.fitted import GAP, Column, FittedTable
from search.display.leaderboard import best, family_of, footnote
from search.engine.advice import no_test_split
from search.engine.status import counts_line, luck_in_words, planned_in, search_state, state_in_words
from search.evidence.headline import last_headline
from search.evidence.ranking import ranking
from search.journal.history import STATE_WORDS, History, Trial
from search.journal.labels import by_epoch, in_short, is_on_a_seed, rung_of, searched, values_of
from search.storage.published import STATE
from search.storage.search_folder import SearchFolder
from search.tracking.delivered import undelivered
from trainers.data import DataCheck
from trainers.errors import InputError
from trainers.os_errors import in_one_line

SHOWN_BEST = 5  # how many of the best trials `show` lists first
NEWEST = 100  # how many of the newest trials `show` lists besides the running ones; --all lists every trial
FEWEST_OF_REASON = 30  # characters: a column of reasons that is narrower says nothing


def shown_trials(history: History, *, every: bool) -> list[Trial]:
    """The trials that `show` lists, by number: all if `every`, else the newest `NEWEST` and those that run."""
    trials = list(history.trials.values())
    if every or len(trials) <= NEWEST:
        return trials
    return [trial for trial in trials[:-NEWEST] if trial.state == "running"] + trials[-NEWEST:]


def of_trials(trials: Sequence[Trial], metric: str, *, reasons: bool) -> FittedTable:
    """A table with a row for each trial: its state and, with `reasons`, why it ended."""
    columns = [Column("trial", right=True), Column("loss"), Column("state"), Column("epoch", right=True)]
    columns += [Column("rung", right=True), Column("score"), Column("values", gives_way="wrapped")]
    rows = [
        (
            str(trial.number),
            f"{family_of(trial)} {trial.note}" if is_on_a_seed(trial) else family_of(trial),
            STATE_WORDS[trial.state],
            str(trial.epoch),
            rung_of(trial),
            "" if (latest := trial.latest(metric)) is None else f"{latest:.4f}",
            values_of(trial),
            *([in_short(trial)] if reasons else []),
        )
        for trial in trials
    ]
    return FittedTable((*columns, *([Column("reason", gives_way="wrapped")] if reasons else [])), rows)


def overview(folder: SearchFolder, history: History, width: int, *, every: bool = False) -> Iterator[RenderableType]:
    """One search as lines and tables: a heading, the best trials, then the trials of `shown_trials`.

    If the terminal is narrow, the column of reasons is left out first, and then the values are wrapped.

    Args:
        folder: the search, or one of its confirmations or last steps.
        history: its history.
        width: the terminal's width in characters.
        every: list all trials, however many there are.
    """
    data, metric = folder.about()["provenance"]["data"]["description"], folder.spec().search.metric_key
    yield f"{folder.name}: {state_in_words(search_state(folder, history))}, {counts_line(folder, history)}"
    yield from luck_in_words(history)
    yield f"data: {data}"
    yield from published_lines(folder)
    yield ""
    ranked = ranking(folder, history)
    if ranked.trials and not any(map(is_on_a_seed, ranked.trials)):  # the luckiest seed is no better configuration
        yield from best(folder, ranked, SHOWN_BEST)
        yield ""
    if folder.is_published() and not history.trials:  # a confirmation, whose runs only its journal has
        return
    trials = shown_trials(history, every=every)
    which = "all trials" if len(trials) == len(history.trials) else f"the newest {NEWEST} trials and those that run"
    score = metric.removeprefix("val_")
    yield Text(f"{which} (score: the latest {score}; rung: its epoch)", style="bold")
    alone = of_trials(trials, metric, reasons=False)
    has_reasons = any(trial.reason for trial in trials)
    has_room = width - alone.natural_width() - GAP >= FEWEST_OF_REASON
    yield of_trials(trials, metric, reasons=True) if has_reasons and has_room else alone
    if not any(trial.baseline for trial in ranked.trials[:SHOWN_BEST]):  # then the footnote is printed above already
        yield from footnote(trials)
    path = folder.name if folder.searched is folder else f"{folder.searched.name}/{folder.name}"
    if len(trials) < len(history.trials):
        yield ""
        yield f"{len(history.trials) - len(trials)} more: `{folder.command('show', path, all=True)}`"
    if has_reasons and not has_room and not folder.is_published():
        yield ""
        yield f"reasons: `{folder.command('explain', path, 'TRIAL')}`, or a wider terminal"


def published_lines(folder: SearchFolder) -> Iterator[str]:
    """Of a published result, what its confirmation said, and where its page is; nothing of any other search."""
    searched = folder.searched
    if not folder.is_published():
        return
    if (said := last_headline(searched)) is not None:
        yield f"confirm: {said}"
    page = f"; the page: {searched.report}" if searched.report.exists() else ""
    yield f"without the journal there is nothing to explain, draw or resume{page}"


def listing(folders: list[SearchFolder]) -> list[dict[str, Any]]:
    """What `list --json` prints: an entry for each search. If a search is damaged, its `data` says what is wrong."""
    return [_listed(folder) for folder in folders]


def _listed(folder: SearchFolder) -> dict[str, Any]:
    try:
        history, data = folder.history(), folder.about()["provenance"]["data"]["description"]
        counts, planned = counts_line(folder, history), planned_in(folder, history)
        verdict = last_headline(folder)
    except (InputError, OSError) as error:
        why = in_one_line(error) if isinstance(error, OSError) else str(error)
        nothing: dict[str, Any] = {"trials": 0, "planned": None, "counts": "", "best": None}
        nothing |= {"begun": None, "seconds": None, "waits": [], "verdict": None}
        return {"name": folder.name, "state": "damaged", **nothing, "data": why}
    first = next(iter(ranking(folder, history).trials), None)
    state = search_state(folder, history)
    return {
        "name": folder.name,
        "state": state,
        "trials": len(history.trials),
        "planned": planned,
        "counts": counts,
        "begun": begun_at(history),
        "seconds": None if state == STATE else round(history.driven, 1),
        "waits": list(what_waits(folder, history, state)),
        "best": None if first is None else {"trial": first.number, "family": first.family, "score": first.score},
        "verdict": verdict,
        "data": data,
    }


def begun_at(history: History) -> str | None:
    """When the first session began, as ISO 8601 in UTC; without sessions, the first trial; None if there is neither."""
    times = [session["time"] for session in history.sessions[:1]] or [one.asked_at for one in history.trials.values()]
    return datetime.fromtimestamp(min(times) / 1000, UTC).isoformat(timespec="seconds") if times else None


def what_waits(folder: SearchFolder, history: History, state: str) -> Iterator[str]:
    """The names of the commands that a search waits for, in a sensible order; none while it runs."""
    if state in ("running", STATE):
        return
    if state != "done":
        yield "resume"
    elif history.ranked():
        if not any(one.verdict.exists() for one in folder.confirmations()):
            yield "confirm"
        elif not folder.all_exported():
            yield "export"
    if undelivered(folder):
        yield "sync"


def searches(rows: list[dict[str, Any]]) -> Iterator[RenderableType]:
    """A table with a row for each entry of `listing`. If all searches use the same data, a line below names them."""
    shared = rows[0]["data"] if len({row["data"] for row in rows}) == 1 else None
    columns = [Column("search"), Column("state", gives_way="wrapped"), Column("trials", gives_way="wrapped")]
    columns += [Column("best"), Column("loss"), Column("begun"), Column("took"), Column("waits", gives_way="wrapped")]
    columns += [] if shared else [Column("data", gives_way="wrapped")]
    cells = []
    for row in rows:
        first = row["best"]
        score, family = (f"{first['score']:.4f}", first["family"]) if first else ("", "")
        told = [row["name"], state_in_words(row["state"]), row["counts"], score, family]
        begun = datetime.fromisoformat(row["begun"]).astimezone() if row["begun"] else None
        took = "" if row["seconds"] is None else in_words(row["seconds"])
        told += ["" if begun is None else f"{begun:%Y-%m-%d %H:%M}", took, ", ".join(row["waits"])]
        cells.append([*told, *([] if shared else [row["data"]])])
    yield FittedTable(tuple(columns), cells)
    if shared:
        yield ""
        yield f"data: {shared}"
    for row in rows:
        if row["state"] == STATE and row["verdict"] is not None:
            yield ""
            yield f"{row['name']}: {row['verdict']}"


def submitted(rows: list[dict[str, Any]]) -> FittedTable:
    """A table with a row for each search that was submitted to a cluster. `rows`: what `afcl status --json` prints."""
    columns = (Column("search"), Column("state"), Column("minutes", right=True), Column("job"))
    cells = [(row["name"], row["state"], str(row["minutes"]), str(row["job"]), row["last"]) for row in rows]
    return FittedTable((*columns, Column("last", gives_way="wrapped")), cells)


def data_counts(checked: DataCheck) -> Iterator[RenderableType]:
    """Lines and a table: how many images each class has in each split, with remarks and faults."""
    test = checked.test or (None,) * len(checked.class_names)
    counted = zip(checked.class_names, checked.train, checked.validation, test, strict=True)
    rows = [
        (name, str(train), str(validation), "" if tested is None else str(tested))
        for name, train, validation, tested in counted
    ]
    numbers = (Column(title, right=True) for title in ("training", "validation", "test"))
    yield f"{checked.description}, {'×'.join(map(str, checked.image_shape))}"
    yield FittedTable((Column("class", gives_way="wrapped"), *numbers), rows)
    yield from checked.remarks
    yield from checked.faults
    if checked.faults:
        yield "`afcl confirm` refuses these faults; mend them, or allow them with --allow-copies"
    if checked.missing_test is not None:
        yield no_test_split(checked.missing_test)
    yield f"fingerprint {checked.fingerprint}"


def as_json(folder: SearchFolder, history: History) -> dict[str, Any]:
    """What `show --json` prints."""
    return {
        "name": folder.name,
        "state": search_state(folder, history),
        "data": folder.about()["provenance"]["data"],
        "planned": planned_in(folder, history),
        "trials": [
            {
                "id": trial.number,
                "family": trial.family,
                "state": "pending" if trial.state == "paused" else trial.state,  # the states of --json are fixed
                "epoch": trial.epoch,
                "score": trial.score,
                "reason": trial.reason and by_epoch(trial.reason),
                "rung": trial.rung,
                "config": searched(trial),
            }
            for trial in history.trials.values()
        ],
    }
