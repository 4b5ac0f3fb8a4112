"""Choose the trials that a figure draws if there are too many to tell apart, or for the page to hold."""

import random
from collections.abc import Iterable

from search.journal.history import Trial
from trainers.seeds import derive_seed

POINTS, BEST_POINTS = 1500, 300


def thinned(trials: Iterable[Trial], seed: int) -> list[Trial]:
    """The trials in their order if there are at most POINTS; else POINTS of them.

    These are the baselines, the BEST_POINTS finished trials with the best scores, and others drawn from `seed`.
    """
    every = list(trials)
    if len(every) <= POINTS:
        return every
    draws = random.Random(derive_seed(seed, "points", 0))
    finished = sorted((trial for trial in every if trial.score is not None), key=lambda trial: -(trial.score or 0))
    sure = {trial.number for trial in finished[:BEST_POINTS]} | {trial.number for trial in every if trial.baseline}
    order = {trial.number: (trial.number not in sure, draws.random()) for trial in every}
    chosen = {trial.number for trial in sorted(every, key=lambda trial: order[trial.number])[:POINTS]}
    return [trial for trial in every if trial.number in chosen]


def thinned_in_words(trials: int) -> str:
    """The sentence that says which of `trials` trials a figure draws; empty if the figure draws all."""
    if trials <= POINTS:
        return ""
    return (
        f" Of {trials} trials {POINTS} are drawn: the baselines, the best {BEST_POINTS}, and a random choice (seeded) "
        "of the others."
    )
