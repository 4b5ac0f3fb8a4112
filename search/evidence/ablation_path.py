"""The result of `--ablation`: the scores of each step, compared with those of the step before on the same seeds.

In another order of the steps, the same value can account for another share of the gain. The intervals are not corrected
for the number of steps. They only describe the path; the verdict judges which loss is better.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from search.evidence.ablation import Ablation
from search.evidence.paired_tests import Comparison, Interval, comparisons

ALIKE = 1e-9  # an interval narrower than this has its width from rounding alone


@dataclass(frozen=True)
class PathStep:
    """The start of the path or one of its steps, with the scores on the test split."""

    label: str
    scores: dict[int, float]  # by seed
    change: Comparison | None  # this one minus the one before; None at the start, or if the two share no seed


def path_of(ablation: Ablation, scores: Mapping[str, Mapping[int, float]], level: float = 0.95) -> tuple[PathStep, ...]:
    """The start of the path and all its steps, each with its scores and compared with the one before, seed by seed.

    Args:
        ablation: the plan.
        scores: the scores on the test split, by label and then by seed. The labels are those of the two candidates and
            of the steps between them.
        level: the confidence level of the intervals.
    """
    labels = [ablation.start, *(step.label for step in ablation.between), ablation.end]
    shown = [ablation.start, *(step.label for step in ablation.steps)]
    places: list[PathStep] = []
    for place, (label, words) in enumerate(zip(labels, shown, strict=True)):
        of, change = dict(scores.get(label, {})), None
        if places and set(of) & set(places[-1].scores):
            (change,) = comparisons({words: of, places[-1].label: places[-1].scores}, level)
        at_end = f"{words} ({ablation.end})" if place == len(labels) - 1 else words
        places.append(PathStep(at_end, of, change))
    return tuple(places)


def reach_of(change: Comparison) -> Interval | None:
    """The interval of a change, cut off at -1 and 1; None if the change has no interval.

    Also None if the score of every seed changed by the same amount. This happens if test images are few, and an
    interval without width would look like certainty.
    """
    interval = change.interval and change.interval.within(-1, 1)
    return None if interval is None or interval.high - interval.low < ALIKE else interval


def in_words(path: Sequence[PathStep]) -> Iterator[str]:
    """One paragraph on the changes along the path; nothing if no change is known."""
    told = [
        f"{step.label} {step.change.difference:+.4f}"
        + (f" ({interval.low:+.4f} to {interval.high:+.4f})" if (interval := reach_of(step.change)) else "")
        for step in path
        if step.change is not None and step.change.difference is not None
    ]
    if told:
        yield (
            f"From {path[0].label}, one value after the other, on the same seeds: {', '.join(told)}. The intervals are "
            "not corrected for the number of steps, and in another order the steps may get other shares of the gain."
        )
