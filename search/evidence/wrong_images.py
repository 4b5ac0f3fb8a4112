"""A classifier's answers to single images: its surest mistakes, and a few images of each class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.data.arrays import Labels


@dataclass(frozen=True)
class Judged:
    """One image, and the classifier's answer. Classes are positions in the class names."""

    image: int  # its place in the split
    true: int
    answer: int
    probability: float  # of the answer


def judged(logits: NDArray[np.floating], labels: Labels) -> list[Judged]:
    """Every image with its answer. logits: [N, C]; labels: [N]."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    shares = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    answers = shares.argmax(axis=1)
    told = zip(labels.tolist(), answers.tolist(), shares.max(axis=1).tolist(), strict=True)
    return [Judged(place, true, answer, share) for place, (true, answer, share) in enumerate(told)]


def most_sure_and_wrong(answers: Sequence[Judged], most: int) -> list[Judged]:
    """The wrong answers, the surest first, at most `most` of them."""
    wrong = [one for one in answers if one.answer != one.true]
    return sorted(wrong, key=lambda one: (-one.probability, one.image))[:most]


def a_few_of(answers: Sequence[Judged], label: int, most: int, seed: int) -> list[Judged]:
    """At most `most` images of the true class `label`, drawn by lot from `seed`, in the order of `answers`."""
    mine = [one for one in answers if one.true == label]
    drawn = np.random.default_rng((seed, label)).permutation(len(mine))[:most]
    return [mine[place] for place in sorted(drawn.tolist())]
