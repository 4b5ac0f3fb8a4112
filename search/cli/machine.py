"""The words about this machine: is it ready, and are the data sets here."""

import sys
from typing import Annotated

import typer

from search.cli.common import BAD_ENVIRONMENT, DONE
from search.cli.options import Data, Json, Results
from search.display.console import print_json, say

app = typer.Typer()
data_app = typer.Typer(help="Get and check the data sets.", no_args_is_help=True)
MACHINE = "This machine"
app.add_typer(data_app, name="data", rich_help_panel=MACHINE)


@app.command(rich_help_panel=MACHINE)
def doctor(results: Results = None, data: Data = None, json_: Json = False) -> None:
    """Say whether this machine is ready, and what to do where it is not."""
    from search.cli import doctor as examining

    findings = []
    for finding in examining.examine(results, data):
        findings.append(finding)
        if not json_:
            say(examining.in_words(finding))
    if json_:
        print_json([vars(finding) for finding in findings])
    sys.exit(DONE if all(finding.ok for finding in findings) else BAD_ENVIRONMENT)


@app.command(rich_help_panel=MACHINE)
def schema() -> None:
    """Print the JSON Schema of a spec, for editors."""
    from spaces.spec import json_schema

    print_json(json_schema())


@data_app.command("fetch")
def data_fetch(name: Annotated[str, typer.Argument(help="fmnist, digits or isic2018.")], data: Data = None) -> None:
    """Get a data set onto this machine."""
    from trainers.data import fetch

    fetch(name, data, say)


@data_app.command("check")
def data_check(
    name: Annotated[str, typer.Argument(help="A data set's name, a folder of images, or a spec.")],
    data: Data = None,
    json_: Json = False,
) -> None:
    """Count a data set: classes, splits, fingerprint."""
    from dataclasses import asdict
    from pathlib import Path

    from search.display import tables
    from spaces.spec import load_spec, ready_names
    from trainers.data import check, config_of_folder, default_config
    from trainers.data.catalog import OPEN_TRAIN

    is_folder = name not in (*OPEN_TRAIN, *ready_names()) and Path(name).is_dir()
    if is_folder:
        config = config_of_folder(Path(name), data)
    else:
        config = default_config(name) if name in OPEN_TRAIN else load_spec(name).data
    checked = check(config, data)
    if json_:
        print_json(asdict(checked))
    else:
        for part in tables.data_counts(checked):
            say(part)
        if is_folder:
            size = f"image_size: {config.image_size}, val_per_class: {config.val_per_class}"
            say(f"in a spec: data: {{dataset: folder, path: {name}, {size}}}")
