"""Folders of data: the one that the user gave, and the one of all datasets."""

import os
from pathlib import Path

import platformdirs

from trainers.config import DataConfig
from trainers.errors import InputError


def data_root(given: Path | None = None) -> Path:
    """Where datasets live: `given` (--data), else AFCL_DATA, else the user's cache folder."""
    if given is not None:
        return given.expanduser()
    named = os.environ.get("AFCL_DATA")
    return Path(named).expanduser() if named else platformdirs.user_cache_path("afcl")


def anchored(config: DataConfig) -> DataConfig:
    """The same data, by a path that means the same from every folder. For a config whose data were found."""
    if config.path is None:
        return config
    return config.model_copy(update={"path": str(Path(config.path).expanduser().absolute())})


def given_folder(path: str) -> Path:
    """The folder that `data.path` names. Raises InputError where there is none, or none that may be read."""
    try:
        folder = Path(path).expanduser()
        if folder.is_dir():
            next(folder.iterdir(), None)
            return folder
    except (OSError, RuntimeError) as error:  # RuntimeError: the home of a user that there is not
        raise InputError(f"data.path: {path} cannot be read: {error}") from None
    raise InputError(f"data.path: no folder {folder.absolute()}")
