"""A bootstrap over both sources of luck: the test images and the seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from search.evidence.paired_tests import Interval
from trainers.errors import InputError

COVERS = (
    "covers the luck of the seed and the sampling of the test images; "
    "a percentile bootstrap, too narrow with few seeds; not corrected for the number of pairs"
)


@dataclass(frozen=True)
class Resampled:
    """A label's mean balanced accuracy, or the paired difference a − b of two labels, with a bootstrap interval."""

    a: str
    b: str | None  # None: the mean of `a`
    value: float
    interval: Interval


def image_bootstrap(
    correct: Mapping[str, NDArray[np.bool_]],
    classes: NDArray[np.int64],
    rng: np.random.Generator,
    draws: int = 2000,
    level: float = 0.95,
) -> tuple[Resampled, ...]:
    """Percentile intervals over seeds and test images both: first each label's mean, then each pair's difference.

    Each draw takes seeds with replacement, takes images with replacement within their class, and uses every drawn seed
    on every drawn image. All labels get the same draws, so differences stay paired. The noise of one seed on one image
    is counted more than once, so the intervals are a little too wide for the luck of the images (Owen 2007, Ann. Appl.
    Stat. 1:386-411). For the luck of the seed they are too narrow if seeds are few, so no verdict rests on them.
    Memory: 8·draws bytes for each image of the largest class, and for each seed of each label.

    Args:
        correct: label -> [S, M], whether the classifier of a seed got an image right. The S seeds and M images, and
            their order, are the same for all labels.
        classes: [M], each image's true class.
        rng: the source of the draws.
        draws: how many draws to make.
        level: the confidence level of the intervals.

    Raises:
        InputError: there is no label, no seed or no image, or the shapes do not agree.
    """
    shapes = {label: np.shape(of) for label, of in correct.items()}
    if len(set(shapes.values())) != 1 or any(len(s) != 2 or 0 in s or s[1:] != classes.shape for s in shapes.values()):
        raise InputError(f"correctness must be [seeds, {len(classes)} images] for every label alike, but is {shapes}")
    right = np.stack(list(correct.values())).astype(np.float64)  # [L, S, M]
    seeds = right.shape[1]
    of_seeds = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=draws) / seeds  # [B, S], rows sum to 1
    present = np.unique(classes)
    scores, redrawn = np.zeros(right.shape[:2]), np.zeros((*right.shape[:2], draws))  # [L, S], [L, S, B]
    for c in present:
        of_class = right[:, :, classes == c]  # [L, S, M_c]
        images = of_class.shape[2]
        of_images = rng.multinomial(images, np.full(images, 1 / images), size=draws) / images  # [B, M_c]
        scores += of_class.mean(2) / len(present)
        redrawn += of_class @ of_images.T / len(present)
    means, spread = scores.mean(1), np.einsum("lsb,bs->lb", redrawn, of_seeds)  # [L], [L, B]
    names = list(correct)
    alone = [_resampled(name, None, means[i], spread[i], level) for i, name in enumerate(names)]
    paired = [
        _resampled(names[i], names[j], means[i] - means[j], spread[i] - spread[j], level)
        for i, j in combinations(range(len(names)), 2)
    ]
    return (*alone, *paired)


def _resampled(a: str, b: str | None, value: float, spread: NDArray[np.float64], level: float) -> Resampled:
    low, high = np.quantile(spread, [(1 - level) / 2, (1 + level) / 2])
    return Resampled(a, b, float(value), Interval(float(low), float(high), COVERS))
