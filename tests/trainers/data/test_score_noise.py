"""How much luck moves a balanced accuracy."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from trainers.data.score_noise import images_error, seeds_error
from trainers.data.validation_size import USEFUL

STUDY = Path(__file__).parents[3] / "results"


def test_the_images_error_is_that_of_a_mean_of_shares():
    draws = np.random.default_rng(0)
    means = [np.mean([draws.binomial(number, 0.8) / number for number in (40, 300)]) for _ in range(4000)]
    assert images_error((40, 300)) == pytest.approx(np.std(means), rel=0.05)
    assert images_error((250, 250)) == pytest.approx(0.0179, abs=1e-4)


@pytest.mark.parametrize(("ratio", "rare"), [("60-40", 400), ("90-10", 100), ("98-2", 20)])
def test_the_seeds_error_is_as_large_as_in_our_study(ratio, rare):
    """Within a factor of two of the mean over the candidates that were confirmed."""
    verdict = json.loads((STUDY / f"study-{ratio}" / "confirm-1" / "verdict.json").read_text())
    by_seed = verdict["scores"]["test_balanced_accuracy"].values()
    seen = np.mean([np.std(list(scores.values()), ddof=1) for scores in by_seed])
    assert 0.5 < seeds_error((1000 - rare, rare)) / seen < 2


def test_with_enough_images_their_error_is_a_third_of_the_seeds():
    train = (900, 100, 40)
    enough = USEFUL * len(train) / sum(1 / number for number in train)
    assert images_error([round(enough)] * 3) == pytest.approx(seeds_error(train) / 3, rel=1e-3)
    assert math.isclose(USEFUL, 36)
