"""Refuse to open a test split that repeats training images, unless the user allows it."""

from collections.abc import Callable
from pathlib import Path

from trainers.data import faults, unseen_faults
from trainers.data_config import DataConfig
from trainers.errors import InputError


def refuse_faults(config: DataConfig, data: Path | None, *, allow: bool, say: Callable[[str], None]) -> list[str]:
    """Look for faults of the test split, such as images that are also training images.

    Args:
        config: the data set.
        data: the folder of data sets and caches.
        allow: whether faults are accepted.
        say: is called with a line for each check that is not possible, and with a line about accepted faults.

    Returns:
        The accepted faults, a sentence each.

    Raises:
        InputError: there are faults, and `allow` is False.
    """
    for line in unseen_faults(config, data):
        say(line)
    found = list(faults(config, data))
    if not found:
        return []
    if not allow:
        raise InputError(
            f"data: {'; '.join(found)}; test scores would mislead: mend that, or say --allow-copies, which is recorded"
        )
    say(f"allowed by --allow-copies: {'; '.join(found)}")
    return found
