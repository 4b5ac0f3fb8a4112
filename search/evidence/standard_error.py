"""How precise a score is."""

import math
from collections.abc import Sequence


def balanced_accuracy_error(counts: Sequence[int], recall: float | Sequence[float] = 0.8) -> float:
    """Standard error of a balanced accuracy from `counts` images a class (binomial).

    recall: of every class alike, or of each; one of 0 or 1 is no proof of certainty, so each is drawn a little
    towards a half (a success and a failure more than were seen, as Laplace has it).
    """
    if isinstance(recall, float | int):
        return math.sqrt(sum(recall * (1 - recall) / count for count in counts)) / len(counts)
    errors = (score_error(each, count) for each, count in zip(recall, counts, strict=True))
    return math.sqrt(sum(error**2 for error in errors)) / len(counts)


def score_error(share: float, count: int) -> float:
    """Standard error of a share of `count` images, with Laplace's success and failure more."""
    drawn = (share * count + 1) / (count + 2)
    return math.sqrt(drawn * (1 - drawn) / count)
