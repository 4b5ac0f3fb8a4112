"""Remarks of `afcl data check isic2018`: which files are not used, and how images are read."""

from collections.abc import Iterator
from pathlib import Path

from trainers.data.datasets import isic2018
from trainers.data.io.survey import survey
from trainers.data.listing import not_used
from trainers.data_config import DataConfig


def remarks(config: DataConfig, root: Path) -> Iterator[str]:
    """Sentences about what is not used or changed of the challenge's files. All images must be readable."""
    top, listed, tables = isic2018.used_files(config, root)
    yield from not_used(top, [*(item.path for item in listed), *tables])
    chosen = [item for item in listed if config.classes is None or item.label in config.classes]
    yield from survey(chosen, isic2018.look_of(config), resized=True)
