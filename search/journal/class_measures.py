"""The measures of single classes (such as a class's recall) in a journal, by split.

Validation recalls are reported at every epoch, all other class measures only at a trial's end.
"""

from collections.abc import Iterable, Iterator, Mapping

from trainers.config import CLASS_MEASURES

SPLITS = {"val": "validation", "test": "test"}  # the prefix of a metric's name: the split in words

ByClass = dict[str, dict[str, float]]  # class -> measure -> value


def class_keys(class_names: Iterable[str]) -> Iterator[str]:
    """The metric names of all measures of these classes on both splits, such as val_recall/CLASS."""
    for split in SPLITS:
        for measure in CLASS_MEASURES:
            yield from (f"{split}_{measure}/{name}" for name in class_names)


def by_split(metrics: Mapping[str, float]) -> dict[str, ByClass]:
    """The class measures among an epoch's metrics: {"validation" or "test": {class: {measure: value}}}.

    Splits, classes and measures without a value are left out.
    """
    found: dict[str, ByClass] = {}
    for key, value in metrics.items():
        split, measure, name = parts_of(key)
        if name is not None:
            found.setdefault(SPLITS[split], {}).setdefault(name, {})[measure] = value
    return found


def is_told_at_the_end(key: str) -> bool:
    """Whether a metric is a class measure that is reported only at a trial's end: any but validation recall."""
    split, measure, name = parts_of(key)
    return name is not None and (split, measure) != ("val", "recall")


def parts_of(key: str) -> tuple[str, str, str | None]:
    """The split, the measure and the class in a metric's name.

    The class is None if the metric belongs to no class; the other two then mean nothing.
    """
    head, slash, name = key.partition("/")
    split, _, measure = head.partition("_")
    is_of_class = slash and split in SPLITS and measure in CLASS_MEASURES
    return split, measure, name if is_of_class else None
