"""Nothing opens a test split that cannot tell a good classifier from one that remembers, unless it is allowed to."""

from collections.abc import Callable
from pathlib import Path

from trainers.config import DataConfig
from trainers.data import faults, unseen_faults
from trainers.errors import InputError


def refuse_faults(config: DataConfig, data: Path | None, *, allow: bool, say: Callable[[str], None]) -> list[str]:
    """Hold the test split against the training images; what is wrong and was allowed, a sentence each.

    data: as `--data`. say: takes a line where something is wrong and allowed, or cannot be seen. Raises InputError
    where something is wrong and not allowed.
    """
    for line in unseen_faults(config, data):
        say(line)
    found = list(faults(config, data))
    if not found:
        return []
    if not allow:
        raise InputError(
            f"data: {'; '.join(found)}; so test scores would mislead: mend that, or say --allow-copies"
            " (it is written down)"
        )
    say(f"allowed by --allow-copies: {'; '.join(found)}")
    return found
