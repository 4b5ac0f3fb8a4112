"""Folders of data: the user's own, and the folder of all datasets."""

import os
from pathlib import Path

import platformdirs

from trainers.data_config import DataConfig
from trainers.errors import EnvironmentProblem, InputError


def data_root(given: Path | None = None) -> Path:
    """The folder of all datasets: `given` (--data), else AFCL_DATA, else afcl's folder in the user's cache.

    Raises EnvironmentProblem if that folder lies in a home that does not exist.
    """
    named = given or os.environ.get("AFCL_DATA")
    if named:
        return at_home(Path(named))
    if not os.environ.get("XDG_CACHE_HOME"):
        at_home(Path("~"))
    return platformdirs.user_cache_path("afcl")


def at_home(path: Path) -> Path:
    """`path` with ~ or ~USER at its start replaced by that home folder; EnvironmentProblem if there is no such home."""
    try:
        return path.expanduser()
    except RuntimeError:  # no HOME, and no entry for the user in the machine's list (a container's user, say)
        what = "this user has no home here" if path.parts[0] == "~" else f"{path}: there is no such home"
        raise EnvironmentProblem(f"{what}; set HOME, or name folders whole with --data and --results") from None


def anchored(config: DataConfig) -> DataConfig:
    """The config with its `path`, if any, made absolute. Raises EnvironmentProblem if ~ in the path has no home."""
    if config.path is None:
        return config
    return config.model_copy(update={"path": str(at_home(Path(config.path)).absolute())})


def given_folder(path: str) -> Path:
    """The folder at `path`, the value of `data.path`. Raises InputError if it does not exist or cannot be read."""
    try:
        folder = Path(path).expanduser()
        if folder.is_dir():
            next(folder.iterdir(), None)
            return folder
    except (OSError, RuntimeError) as error:  # RuntimeError: ~user of a user who does not exist
        raise InputError(f"data.path: {path} cannot be read: {error}") from None
    raise InputError(f"data.path: no folder {folder.absolute()}")
