"""Confirmations until decided, played from a table of scores."""

import math

import numpy as np

from search.evidence.until_decided import Progress, Rule, progress
from search.journal.history import History, Trial


def by_seed(values) -> dict[int, float]:
    return dict(enumerate(map(float, values)))


def played(rule: Rule, scores: np.ndarray) -> tuple[Progress, History]:
    """Run a confirmation to its end. scores: [seeds, candidates]; NaN: the run fails."""
    labels, history = [f"c{place}" for place in range(scores.shape[1])], History()
    while not (found := progress(rule, labels, history)).is_over:
        for number in range(len(history.trials), len(found.runs)):
            place, k = found.runs[number]
            failed = math.isnan(scores[k, place])
            trial = Trial(number, "CL", False, {}, {}, 0, state="failed" if failed else "finished")
            trial.epochs = {1: {} if failed else {"test_balanced_accuracy": float(scores[k, place])}}
            history.trials[number] = trial
    return found, history
