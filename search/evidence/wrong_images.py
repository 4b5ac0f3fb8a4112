"""A classifier's predictions for single images: its surest mistakes, and a few images of each class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.data.arrays import Labels


@dataclass(frozen=True)
class Judged:
    """One image, with its true class and the predicted class. A class is given as its position in the class names."""

    image: int  # its position in the split
    true: int  # the true class
    answer: int  # the predicted class
    probability: float  # of the predicted class


def judged(logits: NDArray[np.floating], labels: Labels) -> list[Judged]:
    """Every image with its predicted class. logits: [N, C]; labels: [N], the true classes."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    shares = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    answers = shares.argmax(axis=1)
    told = zip(labels.tolist(), answers.tolist(), shares.max(axis=1).tolist(), strict=True)
    return [Judged(place, true, answer, share) for place, (true, answer, share) in enumerate(told)]


def most_sure_and_wrong(answers: Sequence[Judged], most: int) -> list[Judged]:
    """At most `most` images with a wrong prediction, the most probable predictions first."""
    wrong = [one for one in answers if one.answer != one.true]
    return sorted(wrong, key=lambda one: (-one.probability, one.image))[:most]


def a_few_of(answers: Sequence[Judged], label: int, most: int, seed: int) -> list[Judged]:
    """At most `most` images of the true class `label`, drawn by lot from `seed`, in the order of `answers`."""
    mine = [one for one in answers if one.true == label]
    drawn = np.random.default_rng((seed, label)).permutation(len(mine))[:most]
    return [mine[place] for place in sorted(drawn.tolist())]
