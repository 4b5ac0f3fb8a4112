"""Searches and trials as tables for a terminal, and as plain values for `--json`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from search.display.console import UNBOUNDED
from search.engine.advice import no_test_split
from search.engine.status import counts_line, planned_in, search_state, state_in_words
from search.journal.history import STATE_WORDS, History, Trial
from search.journal.labels import searched, values_of
from search.storage.search_folder import SearchFolder
from trainers.data import DataCheck
from trainers.errors import InputError

FEWEST_OF_REASON = 30  # columns: less of a reason says nothing


def leaderboard(ranked: Sequence[Trial], metric: str) -> Table:
    """Finished trials, best first, as `History.ranked` gives them."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("rank", "trial", "loss", metric.removeprefix("val_"), "values"):
        table.add_column(column, justify="right" if column in ("rank", "trial") else "left", no_wrap=column != "values")
    for rank, trial in enumerate(ranked, 1):
        name = trial.family + (" (baseline)" if trial.baseline else "")
        table.add_row(str(rank), str(trial.number), name, f"{trial.score:.4f}", values_of(trial))
    return table


@dataclass(frozen=True)
class AllTrials:
    """Every trial by number, with its state and, where there is room beside the values, its reason.

    explain: the words that tell a trial's reason.
    """

    history: History
    metric: str
    explain: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table, as wide as it may be."""
        yield Text(f"all trials (score: the latest {self.metric.removeprefix('val_')})", style="bold")
        if not any(trial.reason for trial in self.history.trials.values()):
            yield self._table(0)
            return
        needed = console.measure(self._table(0), options=options.update(width=UNBOUNDED)).maximum
        room = options.max_width - needed - 1  # 1: between the columns
        yield self._table(room if room >= FEWEST_OF_REASON else 0)
        if room < FEWEST_OF_REASON:
            yield Text(f"\nreasons: {self.explain}, or a wider terminal")

    def _table(self, reason_width: int) -> Table:
        """reason_width: 0 for none."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("trial", "loss", "state", "epoch", "rung", "score", "values"):
            table.add_column(column, justify="right" if column in ("trial", "epoch") else "left", no_wrap=True)
        if reason_width:
            table.add_column("reason", no_wrap=True, max_width=reason_width)
        for trial in self.history.trials.values():
            latest = trial.latest(self.metric)
            cells = (
                str(trial.number),
                trial.family + (" (baseline)" if trial.baseline else ""),
                STATE_WORDS[trial.state],
                str(trial.epoch),
                "" if trial.rung is None else str(trial.rung),
                "" if latest is None else f"{latest:.4f}",
                values_of(trial),
                *([trial.reason or ""] if reason_width else []),
            )
            table.add_row(*(Text(cell, overflow="ellipsis") for cell in cells))
        return table


def overview(folder: SearchFolder, history: History) -> Group:
    """One search whole: what it is, the best trials, then all of them."""
    data, metric = folder.about()["provenance"]["data"]["description"], folder.spec().search.metric_key
    parts: list[RenderableType] = [
        Text(f"{folder.name}: {state_in_words(search_state(folder, history))}, {counts_line(folder, history)}"),
        Text(f"data: {data}\n"),
    ]
    if ranked := history.ranked():
        parts += [Text("best", style="bold"), leaderboard(ranked[:5], metric), Text()]
    path = folder.name if folder.searched is folder else f"{folder.searched.name}/{folder.name}"
    explain = f"{folder.searched.hint('explain', named=False)} {path} TRIAL"
    return Group(*parts, AllTrials(history, metric, explain))


def listing(folders: list[SearchFolder]) -> list[dict[str, Any]]:
    """What `list --json` prints: a search each, a damaged one with its reason."""
    return [_listed(folder) for folder in folders]


def _listed(folder: SearchFolder) -> dict[str, Any]:
    try:
        history, data = folder.history(), folder.about()["provenance"]["data"]["description"]
        counts, planned = counts_line(folder, history), planned_in(folder, history)
    except InputError as error:
        nothing = {"trials": 0, "planned": None, "counts": "", "best": None}
        return {"name": folder.name, "state": "damaged", **nothing, "data": str(error)}
    best = next(iter(history.ranked()), None)
    return {
        "name": folder.name,
        "state": search_state(folder, history),
        "trials": len(history.trials),
        "planned": planned,
        "counts": counts,
        "best": None if best is None else {"trial": best.number, "family": best.family, "score": best.score},
        "data": data,
    }


def searches(rows: list[dict[str, Any]]) -> Group:
    """Every search of a results folder, a row each; data that they all share stands below."""
    shared = rows[0]["data"] if len({row["data"] for row in rows}) == 1 else None
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("search", "state", "trials", "best", "loss", *(() if shared else ("data",))):
        table.add_column(column)
    for row in rows:
        best = row["best"]
        score, family = (f"{best['score']:.4f}", best["family"]) if best else ("", "")
        cells = [row["name"], state_in_words(row["state"]), row["counts"], score, family]
        table.add_row(*cells, *([] if shared else [row["data"]]))
    return Group(table, Text(f"\ndata: {shared}")) if shared else Group(table)


def submitted(rows: list[dict[str, Any]]) -> Table:
    """Every search that was submitted to a cluster, a row each."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("search", "state", "minutes", "job", "last"):
        table.add_column(column, justify="right" if column == "minutes" else "left", overflow="fold")
    for row in rows:
        table.add_row(row["name"], row["state"], str(row["minutes"]), row["job"], row["last"])
    return table


def data_counts(checked: DataCheck) -> Group:
    """A data set's images by class and split."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("class", "training", "validation", "test"):
        table.add_column(column, justify="left" if column == "class" else "right")
    test = checked.test or (None,) * len(checked.class_names)
    for name, train, validation, tested in zip(
        checked.class_names, checked.train, checked.validation, test, strict=True
    ):
        table.add_row(name, str(train), str(validation), "" if tested is None else str(tested))
    size = "×".join(map(str, checked.image_shape))
    lines = list(checked.copies)
    if checked.missing_test is not None:
        lines.append(no_test_split(checked.missing_test))
    lines.append(f"fingerprint {checked.fingerprint}")
    return Group(Text(f"{checked.description}, {size}"), table, *map(Text, lines))


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
                "state": trial.state,
                "epoch": trial.epoch,
                "score": trial.score,
                "reason": trial.reason,
                "rung": trial.rung,
                "config": searched(trial),
            }
            for trial in history.trials.values()
        ],
    }
