"""Whether the trials that are left are expected to gain less than luck moves a score: `search.stop_when: luck`.

The trials of a search share one split and one initialisation, so most of the luck in their scores is the same for all,
and the spread of the scores is nearly that of the configurations' worth. If scores are normal with standard deviation
t, the best of n is t c(n) above their mean, where c(n) is the expected largest of n standard normal numbers. So m more
finished trials gain about t (c(n + m) - c(n)). Here t is the largest that the spread of the finished trials allows,
with 95 % confidence: they are few, and a sampler that learns makes the later ones better.

Luck is the standard error of the score that the search will give its best: from the validation images and from the
seeds (trainers/data/score_noise.py), over the seeds of the last step. The rule is a rough one: finished trials are
those that ASHA let pass, and no normal sample; it is asked before each trial, and the first answer counts.
results/bench/luck.md says what it saves and what it costs.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.journal.history import ENDED, History
from spaces.spec import SearchSpec
from trainers.data.score_noise import images_error, seeds_error

FEWEST_ENDED = 20  # trials of the sampler, before which the rule is not asked
FEWEST_FINISHED = 4  # of these
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Verdict:
    """What the rule compares.

    Attributes:
        gain: what the trials that are left are expected to gain, as a share of 1.
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
        same_images: whether each of these seeds has the same validation images, as where they are the user's own.
    """

    train: Sequence[int]
    validation: Sequence[int]
    seeds: int
    same_images: bool = False

    def verdict(self, history: History, planned: int) -> Verdict | None:
        """Why no further trial is worth while; None if one is, or before FEWEST_ENDED trials of the sampler have ended.

        Args:
            history: the search so far.
            planned: how many trials it is to have, with baselines.
        """
        proposed = [trial for trial in history.trials.values() if not trial.baseline]
        ended = [trial for trial in proposed if trial.state in ENDED or trial.state == "paused"]
        scores = [trial.score for trial in ended if trial.score is not None]
        if len(ended) < FEWEST_ENDED or len(scores) < FEWEST_FINISHED:
            return None
        running = len(proposed) - len(ended)
        left = (planned - len(history.trials) + running) * len(scores) / len(ended)
        found = Verdict(expected_gain(scores, left), self.error_of(max(scores)))
        return found if found.gain < found.noise else None

    def error_of(self, score: float) -> float:
        """The standard error of the best's score, a mean over the seeds of the last step."""
        images = images_error(self.validation, min(max(score, 0.5), 0.99))
        of_images = images if self.same_images else images / math.sqrt(self.seeds)
        return math.hypot(of_images, seeds_error(self.train) / math.sqrt(self.seeds))


def luck_of(spec: SearchSpec, train: Sequence[int], validation: Sequence[int], *, same_images: bool) -> Luck | None:
    """The size of luck in a search that is to stop when the rest is luck; None if it is to run to its end."""
    if spec.search.stop_when is None:
        return None
    return Luck(train, validation, 1 if spec.search.final is None else spec.search.final.seeds, same_images)


def expected_gain(scores: Sequence[float], left: float) -> float:
    """What `left` more finished trials are expected to add to the best score, by the largest spread that may be.

    Args:
        scores: of the finished trials, two or more.
        left: how many more trials are expected to finish.
    """
    from scipy.stats import chi2  # imported only here: it takes half a second

    degrees = len(scores) - 1
    largest = float(np.var(scores, ddof=1)) * degrees / float(chi2.ppf(1 - CONFIDENCE, degrees))
    if left <= 0:
        return 0.0
    return math.sqrt(largest) * (expected_maximum(len(scores) + left) - expected_maximum(len(scores)))


def expected_maximum(count: float) -> float:
    """The expected largest of so many standard normal numbers, nearly (Blom 1958)."""
    return statistics.NormalDist().inv_cdf((count - 0.375) / (count + 0.25))
