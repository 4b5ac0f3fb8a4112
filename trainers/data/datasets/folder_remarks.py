"""Remarks of `afcl data check` on a folder of images: which files are not used, and how images are read."""

from collections.abc import Iterator
from pathlib import Path

from trainers.data.datasets import folder
from trainers.data.io.items import Item
from trainers.data.io.look import common_look
from trainers.data.io.survey import survey
from trainers.data.listing import not_used
from trainers.data.names import twins
from trainers.data_config import DataConfig
from trainers.wording import printable


def remarks(config: DataConfig, root: Path) -> Iterator[str]:
    """Sentences about what is not used or changed in a folder. All of its images must be readable."""
    top = folder.given(config)
    parts = [folder.part(top, "train")]
    if (validation := folder.validation_folder(top)) is not None:
        parts.append(validation)
        yield f"{validation.name}/ is the whole validation split: val_per_class and data.seed have no effect on it"
    if folder.missing_test(config, root) is None:
        parts.append(folder.part(top, "test"))
    first, *rest = parts
    train = folder.list_images(top, first, config).items
    others = [folder.list_images(top, part, config, must_group=False).items for part in rest]
    labels = sorted({item.label for item in train})
    yield from twins(labels)
    if config.classes is not None and (left := sorted(set(labels) - set(config.classes))):
        yield f"not used: the classes {printable(', '.join(left))}, which data.classes leaves out"
    tables = [part / "labels.csv" for part in parts if (part / "labels.csv").is_file()]
    every = [*train, *(item for items in others for item in items)]
    yield from not_used(top, [*(item.path for item in every), *tables])

    def chosen(items: list[Item]) -> list[Item]:
        return [item for item in items if config.classes is None or item.label in config.classes]

    look, _ = common_look(chosen(train), config, root)
    yield from survey(chosen(every), look, resized=config.image_size is not None)
