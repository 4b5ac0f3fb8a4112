"""Whether the trials that are left are expected to gain less than luck moves a score: `search.stop_when: luck`.

A finished trial's score is its configuration's worth, with standard deviation t over configurations, and luck, with
standard deviation s, of which `trainers.data.score_noise` knows the size. The best of n scores is then worth about
r t c(n), where r^2 = t^2 / (t^2 + s^2) and c(n) is the expected maximum of n standard normal numbers. So m more
finished trials gain about r t (c(n + m) - c(n)), if they are no better than those before. A sampler that learns makes
them better; for that and for the few trials, t is the largest that the scores' spread allows, with 95 % confidence.

The search has enough when this gain is below the standard error of the score that it will give its best: s, or
s / sqrt(seeds) after a last step. How often that was right: results/bench/luck.md.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.journal.history import ENDED, History
from spaces.spec import SearchSpec
from trainers.data.score_noise import images_error, seeds_error

LEAST = 20  # trials of the sampler that have ended, before which no search has enough
FEWEST = 4  # finished ones among them
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Enough:
    """Why a search has enough.

    Attributes:
        gain: what the trials that are left are expected to gain at most, as a share of 1.
        noise: the standard error of the score of the search's best.
    """

    gain: float
    noise: float


@dataclass(frozen=True)
class Luck:
    """The size of luck in a search.

    Attributes:
        train: the training images of each class.
        validation: the validation images of each class.
        seeds: on how many seeds the last step runs the best; 1 without a last step.
    """

    train: Sequence[int]
    validation: Sequence[int]
    seeds: int

    def enough(self, history: History, planned: int) -> Enough | None:
        """Why no further trial is worth while; None if one is, or before LEAST trials of the sampler have ended.

        Args:
            history: the search so far.
            planned: how many trials it is to have, with baselines.
        """
        proposed = [trial for trial in history.trials.values() if not trial.baseline]
        ended = [trial for trial in proposed if trial.state in ENDED]
        scores = [trial.score for trial in ended if trial.score is not None]
        if len(ended) < LEAST or len(scores) < FEWEST:
            return None
        images = images_error(self.validation, min(max(float(np.mean(scores)), 0.5), 0.99))
        noise = math.hypot(images, seeds_error(self.train))
        left = (planned - len(history.trials)) * len(scores) / len(ended)
        found = Enough(expected_gain(scores, noise, left), noise / math.sqrt(self.seeds))
        return found if found.gain < found.noise else None


def luck_of(spec: SearchSpec, train: Sequence[int], validation: Sequence[int]) -> Luck | None:
    """The size of luck in a search that is to stop when the rest is luck; None if it is to run to its end."""
    if spec.search.stop_when is None:
        return None
    return Luck(train, validation, 1 if spec.search.final is None else spec.search.final.seeds)


def expected_gain(scores: Sequence[float], noise: float, left: float) -> float:
    """What `left` more finished trials are expected to add to the worth of the best by score, at most.

    Args:
        scores: of the finished trials, two or more.
        noise: the standard deviation of luck in a score.
        left: how many more trials are expected to finish.
    """
    from scipy.stats import chi2  # imported only here: it takes half a second

    degrees = len(scores) - 1
    largest = float(np.var(scores, ddof=1)) * degrees / float(chi2.ppf(1 - CONFIDENCE, degrees))
    worth = max(largest - noise**2, 0.0)
    if worth == 0.0 or left <= 0:
        return 0.0
    return worth / math.sqrt(worth + noise**2) * (expected_maximum(len(scores) + left) - expected_maximum(len(scores)))


def expected_maximum(count: float) -> float:
    """The expected largest of so many standard normal numbers, nearly (Blom 1958)."""
    return statistics.NormalDist().inv_cdf((count - 0.375) / (count + 0.25))
