"""The words about this machine: is it ready, are the data sets here, what may a spec say."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.display.console import to_console
from search.outcomes import CheckedData
from spaces.spec import json_schema as schema_of_a_spec
from spaces.spec import ready_names, section_of
from trainers.commands import told_in_hints

if TYPE_CHECKING:
    from rich.console import Console

    from search.api import Spec
    from search.engine.doctor import Finding
    from trainers.config import AugmentConfig, DataConfig
    from trainers.data import DataCheck


@told_in_hints
def doctor(
    *,
    results: Path | None = None,
    data: Path | None = None,
    on_finding: "Callable[[Finding], None]" = lambda finding: None,
) -> "list[Finding]":
    """Say whether this machine is ready, and what to do where it is not.

    Args:
        results: the folder for what searches leave; by default AFCL_RESULTS, else ./results.
        data: the folder of data sets and caches; by default AFCL_DATA, else the platform's cache folder.
        on_finding: is given each finding as it is made; all of them take seconds.

    Returns:
        Everything that was looked at; the machine is ready where all of them are `ok`.
    """
    from search.engine.doctor import examine

    findings = []
    for finding in examine(results, data):
        findings.append(finding)
        on_finding(finding)
    return findings


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a spec's YAML file, for editors."""
    return schema_of_a_spec()


@told_in_hints
def data_fetch(name: str, *, data: Path | None = None, console: "Console | None" = None) -> None:
    """Get a data set onto this machine.

    Args:
        name: fmnist, digits or isic2018.
        data: the folder of data sets and caches; by default AFCL_DATA, else the platform's cache folder.
        console: where it is said what is done, and where the data set is; by default standard output.

    Raises:
        InputError: there is no such data set.
        EnvironmentProblem: it cannot be had here.
    """
    from trainers.data.catalog import fetch

    fetch(name, data, to_console(console))


@told_in_hints
def data_check(
    name: "Spec",
    overrides: Sequence[str] = (),
    *,
    sheet: Path | None = None,
    data: Path | None = None,
) -> CheckedData:
    """Count a data set: classes, splits, fingerprint; and say what of it is not used.

    Args:
        name: a data set's name, a folder of images, or a search's spec in any form that `run` takes.
        overrides: PATH=VALUE texts that change the spec, as `--set` does; without a spec, fields of `data` alone.
        sheet: a PNG file to draw, which shows each class as read and as augmented.
        data: the folder of data sets and caches; by default AFCL_DATA, else the platform's cache folder.

    Raises:
        InputError: there is no such data set, a field is wrong, or the sheet cannot be written.
        EnvironmentProblem: the data are not here.
    """
    from trainers.config import AugmentConfig
    from trainers.data.catalog import check, load

    if sheet is not None:
        from search.engine.sheet import refuse_sheet, write_sheet

        refuse_sheet(sheet)
    config, augment, given = _section_and_augmentation(name, overrides, data)
    counts = check(config, data)
    section = None if given is None else _section_in_words(str(name), config, counts, given)
    if sheet is not None:
        write_sheet(sheet, load(config, data), augment or AugmentConfig())
    return CheckedData(counts, config, section, sheet)


def _section_and_augmentation(
    name: "Spec", overrides: Sequence[str], data: Path | None
) -> "tuple[DataConfig, AugmentConfig | None, dict[str, Any] | None]":
    """The data that are meant, how a spec augments them, and of a folder what the overrides say of it."""
    from trainers.config import DataConfig
    from trainers.data.catalog import config_of_folder, default_config, is_dataset
    from trainers.parsing import parse

    known = isinstance(name, str)
    is_set, is_ready = known and is_dataset(str(name)), known and name in ready_names()
    is_folder = isinstance(name, str | Path) and not is_set and not is_ready and Path(name).is_dir()
    if not is_folder and not is_set:
        from search.api import checked_spec

        spec = checked_spec(name, overrides)
        return spec.data, spec.representation.augment, None
    given = section_of("data", overrides)
    if is_folder:
        return config_of_folder(Path(str(name)), data, given), None, given
    defaults = default_config(str(name)).model_dump(exclude_unset=True)
    return parse(DataConfig, defaults | given, "data"), None, None


def _section_in_words(path: str, config: "DataConfig", counts: "DataCheck", given: dict[str, Any]) -> str:
    """What a spec says of a folder of images."""
    size = f"image_size: {config.image_size}"
    if not counts.has_given_validation:
        size += f", val_per_class: {config.val_per_class}"
        size += f", val_per_group: {config.val_per_group}" if config.val_per_group > 1 else ""
    told = ("image_size", "val_per_class", "val_per_group")
    others = [f", {key}: {json.dumps(value)}" for key, value in given.items() if key not in told]
    return f"data: {{dataset: folder, path: {path}, {size}{''.join(others)}}}"
