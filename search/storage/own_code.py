"""The folders of this project's own code."""

from pathlib import Path

import spaces
import trainers

PACKAGES = ("search", "spaces", "trainers")


def code_folder() -> Path:
    """The folder that contains the package `search`: the checkout, or where the package is installed."""
    return Path(__file__).parents[2]


def package_folder(name: str) -> Path:
    """The folder of one of PACKAGES. Ray puts each package that it sends to a cluster into a folder of its own."""
    if name == "search":
        return code_folder() / name
    return Path({"spaces": spaces, "trainers": trainers}[name].__path__[0])
