"""What a search's own scores say about the losses, and how sure they are.

The best trial of all is compared with the best trial of each other loss: one seed each, on the same validation images.
The standard error of a difference is computed as if the two scores were independent. As both come from the same images,
the true error is usually smaller, so "does not tell" is said too often rather than too seldom. The luck of the seed is
not part of this error.
"""

import math
from collections.abc import Callable, Iterator, Sequence

from search.journal.history import Trial
from trainers.loss_config import Family

CLEAR = 2.0  # a difference of more standard errors than this tells two losses apart


def best_of_each(ranked: Sequence[Trial]) -> list[Trial]:
    """The first trial of each family in `ranked`. These trials are returned by score, highest first."""
    first: dict[Family, Trial] = {}
    for trial in ranked:
        first.setdefault(trial.family, trial)
    return sorted(first.values(), key=lambda trial: -(trial.score or 0.0))


def in_words(ranked: Sequence[Trial], error_of: Callable[[Trial], float | None]) -> Iterator[str]:
    """Sentences on the best trial of each family; none if fewer than two families have finished trials.

    Args:
        ranked: finished trials, best first.
        error_of: returns the standard error of a trial's score, caused by the sampling of validation images; None if it
            is not known.
    """
    best = best_of_each(ranked)
    if len(best) < 2:
        return
    told = ", ".join(f"{trial.family} {trial.score:.4f}" for trial in best)
    yield f"The best of each loss, one seed each: {told}."
    first, errors = best[0], {trial.number: error_of(trial) for trial in best}
    near = [
        trial.family for trial in best[1:] if not _is_clear(first, trial, errors[first.number], errors[trial.number])
    ]
    if None in errors.values():
        yield "How sure these scores are is not known, so no loss is called better."
    elif not near:
        yield (
            f"{first.family} lies more than {CLEAR:g} standard errors of the images above each other loss; only fresh "
            "seeds can tell how much of that was luck."
        )
    else:
        yield (
            f"This search does not tell {first.family} from {_listed(near)}: they lie within {CLEAR:g} standard errors "
            "of the images."
        )


def _is_clear(first: Trial, other: Trial, of_first: float | None, of_other: float | None) -> bool:
    if of_first is None or of_other is None:
        return False
    return (first.score or 0.0) - (other.score or 0.0) > CLEAR * math.hypot(of_first, of_other)


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
