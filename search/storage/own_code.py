"""Where this code itself stands."""

from pathlib import Path

import spaces
import trainers

PACKAGES = ("search", "spaces", "trainers")


def code_folder() -> Path:
    """The folder that `search` stands in: that of a checkout, or what it is installed into."""
    return Path(__file__).parents[2]


def package_folder(name: str) -> Path:
    """The folder of one of our packages. Where Ray brought the code to a cluster each has a parent of its own."""
    if name == "search":
        return code_folder() / name
    return Path({"spaces": spaces, "trainers": trainers}[name].__path__[0])
