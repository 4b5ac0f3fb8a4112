"""What a journal has of each class, by split: the recalls of every epoch, and what else is told at a trial's end."""

from collections.abc import Iterable, Iterator, Mapping

from trainers.config import CLASS_MEASURES

SPLITS = {"val": "validation", "test": "test"}  # what a metric's name begins with, and the split in words

ByClass = dict[str, dict[str, float]]  # class -> measure -> value


def class_keys(class_names: Iterable[str]) -> Iterator[str]:
    """The name of every measure of these classes on every split."""
    for split in SPLITS:
        for measure in CLASS_MEASURES:
            yield from (f"{split}_{measure}/{name}" for name in class_names)


def by_split(metrics: Mapping[str, float]) -> dict[str, ByClass]:
    """The measures of classes among an epoch's metrics, by the split in words. What is not there is left out."""
    found: dict[str, ByClass] = {}
    for key, value in metrics.items():
        split, measure, name = parts_of(key)
        if name is not None:
            found.setdefault(SPLITS[split], {}).setdefault(name, {})[measure] = value
    return found


def is_told_at_the_end(key: str) -> bool:
    """Whether a metric is of one class and told once, at a trial's end."""
    split, measure, name = parts_of(key)
    return name is not None and (split, measure) != ("val", "recall")


def parts_of(key: str) -> tuple[str, str, str | None]:
    """Split, measure and class of a metric's name; without a class where it is of none."""
    head, slash, name = key.partition("/")
    split, _, measure = head.partition("_")
    is_of_class = slash and split in SPLITS and measure in CLASS_MEASURES
    return split, measure, name if is_of_class else None
