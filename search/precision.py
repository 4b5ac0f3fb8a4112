"""How precise a score is."""

import math


def balanced_accuracy_error(counts: list[int], recall: float = 0.8) -> float:
    """Standard error of a balanced accuracy from `counts` images a class, each class at that recall (binomial)."""
    return math.sqrt(sum(recall * (1 - recall) / count for count in counts)) / len(counts)
