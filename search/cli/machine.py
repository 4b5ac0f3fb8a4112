"""The commands about this machine: check whether it is ready, get and check data sets, print the schema."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from search.cli.common import BAD_ENVIRONMENT, DONE
from search.cli.options import Data, Json, Results, Set
from search.display import console
from search.display.console import print_json, say
from search.display.loading import announce

app = typer.Typer()
data_app = typer.Typer(help="Get and check the data sets.", no_args_is_help=True)
MACHINE = "This machine"
app.add_typer(data_app, name="data", rich_help_panel=MACHINE)


@app.command(rich_help_panel=MACHINE)
def doctor(results: Results = None, data: Data = None, json_: Json = False) -> None:
    """Check whether this machine is ready, and say how to mend what is not."""
    from search import machine
    from search.engine.doctor import Finding, in_words

    def show(finding: Finding) -> None:
        if not json_:
            say(in_words(finding))

    findings = machine.doctor(results=results, data=data, on_finding=show)
    if json_:
        print_json([vars(finding) for finding in findings])
    sys.exit(DONE if all(finding.ok for finding in findings) else BAD_ENVIRONMENT)


@app.command(rich_help_panel=MACHINE)
def schema() -> None:
    """Print the JSON Schema of a spec, for editors."""
    from search import machine

    print_json(machine.schema())


@data_app.command("fetch")
def data_fetch(name: Annotated[str, typer.Argument(help="fmnist, digits or isic2018.")], data: Data = None) -> None:
    """Get a data set onto this machine."""
    from search import machine

    machine.data_fetch(name, data=data, console=console.out)


@data_app.command("check")
def data_check(
    name: Annotated[str, typer.Argument(help="A data set's name, a folder of images, or a spec.")],
    sheet: Annotated[
        Path | None, typer.Option("--sheet", metavar="FILE", help="Also draw each class, as read and as augmented.")
    ] = None,
    set_: Set = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Count a data set: classes, splits, fingerprint; and list what is not used."""
    announce("looking at the images: this may take some seconds")
    from search import machine
    from search.display import tables

    checked = machine.data_check(name, set_ or (), sheet=sheet, data=data)
    if json_:
        print_json(checked.as_json())
        return
    for part in tables.data_counts(checked.counts):
        say(part)
    if checked.section is not None:
        say(f"in a spec: {checked.section}")
    if checked.sheet is not None:
        say(str(checked.sheet))
