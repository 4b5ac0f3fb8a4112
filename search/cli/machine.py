"""The words about this machine: is it ready, and are the data sets here."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from search.cli.common import BAD_ENVIRONMENT, DONE
from search.cli.options import Data, Json, Results, Set
from search.cli.sheet import refuse_sheet, write_sheet
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
    sheet: Annotated[
        Path | None, typer.Option("--sheet", metavar="FILE", help="Also a picture: each class as read, as augmented.")
    ] = None,
    set_: Set = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Count a data set: classes, splits, fingerprint; and say what of it is not used."""
    import json
    from dataclasses import asdict

    from search.display import tables
    from spaces.spec import load_spec, ready_names, section_of
    from trainers.config import AugmentConfig, DataConfig
    from trainers.data import check, config_of_folder, default_config, load
    from trainers.data.catalog import OPEN_TRAIN
    from trainers.parsing import parse

    if sheet is not None:
        refuse_sheet(sheet)
    is_folder = name not in (*OPEN_TRAIN, *ready_names()) and Path(name).is_dir()
    spec = None if is_folder or name in OPEN_TRAIN else load_spec(name, set_ or ())
    given: dict[str, Any] = {} if spec is not None else section_of("data", set_ or ())
    if spec is not None:
        config = spec.data
    elif is_folder:
        config = config_of_folder(Path(name), data, given)
    else:
        config = parse(DataConfig, default_config(name).model_dump(exclude_unset=True) | given, "data")
    checked = check(config, data)
    if sheet is not None:
        augment = AugmentConfig() if spec is None else spec.representation.augment
        write_sheet(sheet, load(config, data), augment)
    if json_:
        print_json(asdict(checked) | ({} if sheet is None else {"sheet": str(sheet)}))
    else:
        for part in tables.data_counts(checked):
            say(part)
        if is_folder:
            size = f"image_size: {config.image_size}"
            if not checked.has_given_validation:
                size += f", val_per_class: {config.val_per_class}"
                size += f", val_per_group: {config.val_per_group}" if config.val_per_group > 1 else ""
            told = ("image_size", "val_per_class", "val_per_group")
            others = [f", {key}: {json.dumps(value)}" for key, value in given.items() if key not in told]
            say(f"in a spec: data: {{dataset: folder, path: {name}, {size}{''.join(others)}}}")
        if sheet is not None:
            say(str(sheet))
