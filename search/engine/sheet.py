"""The contact sheet that `afcl data check --sheet FILE` draws."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from trainers.errors import InputError

if TYPE_CHECKING:
    from trainers.config import AugmentConfig
    from trainers.data import TrialData


def refuse_sheet(path: Path) -> None:
    """Raise InputError if no PNG can be written to the path. Call this before the images are read."""
    if path.suffix.lower() != ".png":
        raise InputError(f"--sheet: FILE must end in .png, but got {path}")
    if not path.parent.is_dir() or path.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(f"--sheet: {path} cannot be written")


def write_sheet(path: Path, data: "TrialData", augment: "AugmentConfig") -> None:
    """Draw images of every class, and write the PNG. Raises InputError if the file cannot be written."""
    from trainers.data.sheet import draw_sheet  # imported only here: torch takes seconds

    try:
        draw_sheet(data, augment).save(path, "PNG")
    except OSError as error:
        raise InputError(f"--sheet: {path} cannot be written: {error.strerror or error}") from None
