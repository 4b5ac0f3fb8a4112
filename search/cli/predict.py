"""The command that uses an exported model on images."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from search.cli.common import class_and_share
from search.cli.options import Json
from search.display.console import print_json, say, write
from trainers.errors import InputError

app = typer.Typer()


@app.command(rich_help_panel="Take away")
def predict(
    export: Annotated[Path, typer.Argument(help="The YAML file that `afcl export` wrote; its weights lie beside it.")],
    images: Annotated[list[Path], typer.Argument(help="Image files, and folders, of which all images are classified.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="A file for the table: .csv, .json or .parquet (default: CSV printed).")
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            "--threshold",
            metavar="CLASS=P",
            help="Predict the class if its probability is at least this (default: as exported); repeatable.",
        ),
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", help="cpu, cuda or mps (default: a GPU where there is one).")
    ] = None,
    json_: Json = False,
) -> None:
    """Classify images with an exported model: class and probabilities of each."""
    if out is not None and out.suffix not in (".csv", ".json", ".parquet"):
        raise InputError(f"--out: must end with .csv, .json or .parquet, but got {out.name}")
    from search import takeaway

    given = None if threshold is None else dict(class_and_share(text, "--threshold") for text in threshold)
    found = takeaway.predict(export, images, thresholds=given, device=device)
    if out is not None:
        found.write(out)
    if json_:
        print_json(found.as_json())
    elif out is None:
        write(found.as_frame().to_csv(index=False))
    else:
        say(found.in_words())
        say(str(out))
    if (problems := found.problems()) is not None:
        print(problems, file=sys.stderr)
