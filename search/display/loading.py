"""Print a command's first line before it waits for a large library or for data."""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import TextIO

from search.display.console import err, tell

# The line that is printed before a module is imported. Each import takes from half a second to several seconds.
SLOW = {
    name: f"loading {label}: this takes some seconds"
    for name, label in {
        "mlflow": "MLflow",
        "optuna": "Optuna",
        "pandas": "pandas",
        "plotly": "plotly",
        "ray": "Ray",
        "scipy": "SciPy",
        "sklearn": "scikit-learn",
        "torch": "PyTorch",
        "torchvision": "torchvision",
    }.items()
}


class FirstSlowImport(MetaPathFinder):
    """Calls the function `say` once, before the first import of a module in `SLOW`. It finds no module itself.

    Python asks a finder only for modules that are not loaded yet, so nothing is said if no slow module must be loaded.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Say what is being loaded if it is in `SLOW`. Returns None, so that the next finder looks for the module."""
        if fullname in SLOW:
            self.say(SLOW[fullname])
        return None

    def say(self, line: str) -> None:
        """Say a line, unless a line was said before or `loading_announced` is not active."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
            self._say(line)


_FIRST = FirstSlowImport(lambda line: tell(err, line))


@contextmanager
def loading_announced() -> Iterator[None]:
    """Announce the first slow import of a command on stderr. Standard output is for the command's result.

    Nothing is announced if stderr goes to a pipe of its own, as the program that reads it would take the line for an
    error.
    """
    if not _is_read_for_complaints(sys.stdout, sys.stderr):
        sys.meta_path.insert(0, _FIRST)
    try:
        yield
    finally:
        if _FIRST in sys.meta_path:
            sys.meta_path.remove(_FIRST)


def announce(line: str) -> None:
    """Say `line` before a command waits for something other than an import, unless a line was said before."""
    _FIRST.say(line)


def _is_read_for_complaints(out: TextIO | None, err: TextIO | None) -> bool:
    """Whether stderr is a pipe that standard output does not share (no `2>&1`). Also true if a stream is closed."""
    try:
        there, beside = (None if stream is None else os.fstat(stream.fileno()) for stream in (err, out))
    except (OSError, ValueError):  # closed, or without a file descriptor
        return True
    if there is None or not stat.S_ISFIFO(there.st_mode):
        return there is None
    return beside is None or not os.path.samestat(there, beside)
