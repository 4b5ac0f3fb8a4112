"""The commands that export from a search, train an exported configuration again, or remove a search."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from search.cli.common import class_and_share, training_shown
from search.cli.options import Again, AllowCopies, Data, Json, Name, Results
from search.display import console
from search.display.console import print_json, say
from trainers.errors import InputError

app = typer.Typer()
TAKE = "Take away"


class By(StrEnum):
    """The values of --by: by which scores a search's trials are ranked."""

    SEARCH = "search"
    FINAL = "final"
    CONFIRM = "confirm"


class Tables(StrEnum):
    """The values of --tables: file formats."""

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
            "(default: confirm if it was done, else final, else search).",
        ),
    ] = None,
    tables: Annotated[
        Tables | None,
        typer.Option("--tables", help="Instead: trials, epochs, decisions, classes, confusions as csv or parquet."),
    ] = None,
    sensitivity: Annotated[
        list[str] | None,
        typer.Option(
            "--sensitivity",
            metavar="CLASS=SHARE",
            help="Also the threshold for that sensitivity of the class, melanoma=.9, for predict; repeatable.",
        ),
    ] = None,
    onnx: Annotated[
        bool, typer.Option("--onnx", help="Also each model as ONNX, for runtimes other than torch.")
    ] = False,
    results: Results = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Write the best configurations with weights and model card: best-1.yaml, best-1.pt, best-1.md, …"""
    from search import takeaway

    paths = takeaway.export(
        name,
        top=top,
        by=None if by is None else by.value,
        sensitivity=dict(class_and_share(text, "--sensitivity") for text in sensitivity or ()),
        onnx=onnx,
        tables=None if tables is None else tables.value,
        results=results,
        data=data,
    )
    if json_:
        print_json([str(path) for path in paths])
        return
    for path in paths:
        say(str(path))


@app.command(rich_help_panel=TAKE)
def train(
    config: Annotated[Path, typer.Argument(help="An exported YAML file, or a plain trial config.")],
    test: Annotated[
        bool, typer.Option("--test", help="Also score it on the test split, which opens the split.")
    ] = False,
    again: Again = False,
    allow_copies: AllowCopies = False,
    results: Results = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Train one configuration again, and compare its score with the exported one."""
    from search import takeaway
    from search.exports.retrain import in_words

    with training_shown(quiet=json_) as on_epoch:
        comparison = takeaway.train(
            config,
            test=test,
            again=again,
            allow_copies=allow_copies,
            results=results,
            data=data,
            console=Console(quiet=True) if json_ else console.out,
            on_epoch=on_epoch,
        )
    if json_:
        print_json(comparison.as_json())
        return
    for line in in_words(comparison):
        say(line)


@app.command(rich_help_panel=TAKE)
def rm(
    name: Name,
    results: Results = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a search, from its storage too; its runs in MLflow stay."""
    from search import takeaway

    if (
        takeaway.rm(name, ask=lambda question: yes or typer.confirm(question), results=results, console=console.out)
        is None
    ):
        raise InputError("nothing was removed")
