"""Standard errors of scores."""

import math
from collections.abc import Mapping, Sequence

from search.journal.history import Trial
from trainers.data.score_noise import images_error


def balanced_accuracy_error(counts: Sequence[int], recall: float | Sequence[float] = 0.8) -> float:
    """Standard error of a balanced accuracy (binomial). `counts` has the number of images of each class.

    `recall` is one value for all classes, which is used as it is, or a sequence with one value for each class. In a
    sequence, a recall of 0 or 1 does not mean certainty, so each value is moved a little towards a half: one success
    and one failure are added (Laplace).
    """
    if isinstance(recall, float | int):
        return images_error(counts, recall)
    errors = (score_error(each, count) for each, count in zip(recall, counts, strict=True))
    return math.sqrt(sum(error**2 for error in errors)) / len(counts)


def score_error(share: float, count: int) -> float:
    """Standard error of a share of `count` images, with one success and one failure added (Laplace)."""
    drawn = (share * count + 1) / (count + 2)
    return math.sqrt(drawn * (1 - drawn) / count)


def error_of_score(trial: Trial, metric: str, validation: Mapping[str, int]) -> float | None:
    """The standard error of a finished trial's score, caused by the sampling of validation images; None if not known.

    Args:
        trial: the trial. If it has no score, the error is None.
        metric: the metric of the score. For any but balanced_accuracy and accuracy, the error is None.
        validation: the number of validation images of each class.
    """
    if trial.score is None or not validation:
        return None
    counts = list(validation.values())
    if metric == "accuracy":
        return score_error(trial.score, sum(counts))
    if metric != "balanced_accuracy":
        return None
    last = trial.epochs[trial.epoch]
    return balanced_accuracy_error(counts, [last.get(f"val_recall/{name}", trial.score) for name in validation])


def near_the_best(ranked: Sequence[Trial], error: float) -> str:
    """A sentence that says how many finished trials have scores within one standard error of the best trial's.

    Args:
        ranked: two or more finished trials, the best first.
        error: the standard error of the best trial's score.
    """
    first, others = ranked[0], ranked[1:]
    near = sum((first.score or 0.0) - (other.score or 0.0) <= error for other in others)
    if len(others) == 1:
        told = f"The other one {'lies' if near else 'does not lie'} within one standard error of the best"
    else:
        lie = "lies" if near == 1 else "lie"
        told = f"{near} of the other {len(others)} {lie} within one standard error of the best"
    return f"{told} ({error:.4f}, of the validation images alone)."
