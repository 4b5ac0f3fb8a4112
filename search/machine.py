"""The functions behind `doctor`, `schema`, `data fetch` and `data check`: about this machine, data sets and specs."""

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
    from trainers.config import AugmentConfig
    from trainers.data import DataCheck
    from trainers.data_config import DataConfig


@told_in_hints
def doctor(
    *,
    results: Path | None = None,
    data: Path | None = None,
    on_finding: "Callable[[Finding], None]" = lambda finding: None,
) -> "list[Finding]":
    """Check whether this machine is ready, and say what to do if it is not.

    Args:
        results: the results folder, which holds all searches; by default AFCL_RESULTS, else ./results.
        data: the folder of data sets and caches; by default AFCL_DATA, else the platform's cache folder.
        on_finding: is called with each finding as soon as it is made. All checks together take seconds.

    Returns:
        One finding for each check. The machine is ready if all of them are `ok`.
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
    """Download a data set to this machine. The data set `digits` comes with scikit-learn and needs no download.

    Args:
        name: fmnist, digits or isic2018.
        data: the folder of data sets and caches; by default AFCL_DATA, else the platform's cache folder.
        console: where the progress and the data set's folder are printed; by default standard output.

    Raises:
        InputError: there is no such data set.
        EnvironmentProblem: the data set cannot be downloaded to this machine.
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
    """Count a data set's images by class and split, take its fingerprint, and say which files are not used.

    Args:
        name: a data set's name, a folder of images, or a search's spec in any form that `run` takes.
        overrides: PATH=VALUE texts that change the spec, as `--set` does. If `name` is no spec, they may only
            set fields of `data`.
        sheet: the path of a PNG file to write: a contact sheet with images of each class, as read and as augmented.
        data: the folder of data sets and caches; by default AFCL_DATA, else the platform's cache folder.

    Raises:
        InputError: there is no such data set, a field is wrong, or the sheet cannot be written.
        EnvironmentProblem: the data are not on this machine.
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
    """The section `data` that `name` stands for, and two values that may be None.

    The first is the augmentation of the spec; None if `name` is no spec. The second is the fields of `data` that
    `overrides` sets; None if `name` is no folder.
    """
    from trainers.data.catalog import config_of_folder, default_config, is_dataset
    from trainers.data_config import DataConfig
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
    """The section `data` of a spec for a folder of images, as one line of YAML."""
    size = f"image_size: {config.image_size}"
    if not counts.has_given_validation:
        size += f", val_per_class: {config.val_per_class}"
        size += f", val_per_group: {config.val_per_group}" if config.val_per_group > 1 else ""
    told = ("image_size", "val_per_class", "val_per_group")
    others = [f", {key}: {json.dumps(value)}" for key, value in given.items() if key not in told]
    return f"data: {{dataset: folder, path: {path}, {size}{''.join(others)}}}"
