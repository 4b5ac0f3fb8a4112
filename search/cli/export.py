"""The words that take something away from a search, or the search itself."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from search.cli.common import epochs_shown, opened
from search.cli.options import Again, AllowCopies, Data, Json, Name, Results
from search.display.console import print_json, say
from trainers.errors import EnvironmentProblem, InputError

app = typer.Typer()
TAKE = "Take away"


class By(StrEnum):
    """What ranks a search's trials."""

    SEARCH = "search"
    FINAL = "final"
    CONFIRM = "confirm"


class Tables(StrEnum):
    """File formats of tables."""

    CSV = "csv"
    PARQUET = "parquet"


@app.command(rich_help_panel=TAKE)
def export(
    name: Name,
    top: Annotated[int, typer.Option("--top", help="How many of the best trials.")] = 1,
    by: Annotated[
        By | None,
        typer.Option(
            "--by",
            help="What ranks them: confirm or final, their mean on fresh seeds; search, its own scores "
            "(default: the first of these that there is).",
        ),
    ] = None,
    tables: Annotated[
        Tables | None,
        typer.Option("--tables", help="Instead: trials, epochs, decisions, classes, confusions as csv or parquet."),
    ] = None,
    results: Results = None,
    json_: Json = False,
) -> None:
    """Write the best configurations with their weights: best-1.yaml, best-1.pt, …"""
    from search import api
    from search.storage.fetch import bring_results

    if tables is not None:
        folder = opened(name, results)
        try:
            bring_results(folder)
        except EnvironmentProblem as problem:  # all other tables are made of the journal
            print(f"{problem}: confusions lack what is only there", file=sys.stderr)
        paths = folder.frames().write(folder.tables, tables.value)
    else:
        paths = api.export(name, top=top, by=None if by is None else by.value, results=results)
    if json_:
        print_json([str(path) for path in paths])
        return
    for path in paths:
        say(str(path))


@app.command(rich_help_panel=TAKE)
def train(
    config: Annotated[Path, typer.Argument(help="An exported YAML file, or a plain trial config.")],
    test: Annotated[bool, typer.Option("--test", help="Score it on the test split too, which opens it.")] = False,
    again: Again = False,
    allow_copies: AllowCopies = False,
    results: Results = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Train one configuration again, and hold its score beside the exported one."""
    from search.engine.leak_guard import refuse_faults
    from search.evidence.candidates import refuse_while_confirming
    from search.exports import export as exports
    from search.exports import retrain
    from search.storage.fetch import know_every_opening
    from search.storage.test_split_log import open_once, record_of, refuse_second
    from spaces.spec import refuse_spec
    from trainers.data import load_test
    from trainers.predictor import Predictor, score_split

    refuse_spec(config)
    exported = exports.read_export(config)
    search = exports.search_of(config, exported, results) if test else None
    record = record_of(config, search)
    if test:
        know_every_opening(search)
        refuse_second(record, again=again)
        if search is not None:
            refuse_while_confirming(search, again=again)
        allowed = refuse_faults(
            exported.config.data, data, allow=allow_copies, say=lambda line: None if json_ else say(line)
        )
    with epochs_shown(exported.config.last_epoch, quiet=json_) as shown:
        trained = retrain.train(exported, shown, data=data)
    comparison = retrain.compare(exported, trained.result)
    if test:
        images = load_test(exported.config.data, data)
        know_every_opening(search)  # another host may have looked while this trained
        by = f"train {config.name}{' --allow-copies' if allowed else ''}"
        open_once(record, by, again=again)
        know_every_opening(search)
        comparison["test"] = score_split(Predictor(trained.checkpoint), images).metrics
    if json_:
        print_json(comparison)
        return
    for line in retrain.in_words(comparison):
        say(line)


@app.command(rich_help_panel=TAKE)
def rm(
    name: Name,
    results: Results = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a search, from its storage too; its runs in MLflow stay."""
    from search.storage import removal

    folder = opened(name, results)
    storage = removal.stored_of(folder, say)
    also = "" if storage is None else f" and {storage.shown}"
    if not yes and not typer.confirm(f"remove {folder.path}{also} with everything in it?"):
        raise InputError("nothing was removed")
    removal.remove(folder, storage)
