"""The noise of simulated learning curves: of a trial's cell and of its validation images.

A cell is a split of the images and an initialisation. What it does to a trial's score stays in part over the epochs;
the other part is forgotten, the faster the higher the learning rate. In a cell that trials share they have much of it
in common, and neighbours more.
"""

import math

import numpy as np
from curve_law import Law

SCALES = np.array([1.5, 1.5, 0.6, 0.5])  # how far one must go in eta, gamma, tau, lr for another score
IMAGES_SHARED = 0.8  # of the variance of the images' noise in one cell
CELL, IMAGES, UNREST, EPOCH = range(4)  # kinds: of the cell, its images, a bad configuration, an epoch alone


class Waves:
    """Smooth random functions of variance 1 on the four places: sums of random cosines.

    Args:
        rng: draws them.
        scales: length scales by field.
        count: of cosines.
    """

    def __init__(self, rng: np.random.Generator, scales: np.ndarray = SCALES, count: int = 96) -> None:
        self._frequencies = rng.standard_normal((len(scales), count)) / scales[:, None]
        self._phases = rng.uniform(0, 2 * math.pi, count)
        self._heights = rng.standard_normal(count) * math.sqrt(2 / count)

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """The function's values [N] at places [N, 4]."""
        heights: np.ndarray = np.cos(places @ self._frequencies + self._phases) @ self._heights
        return heights


class Noise:
    """Of one generator's trials.

    Args:
        law: how it behaves.
        epochs: of a trial.
        cell: a generator of draws for what trials of one cell share; None where each trial has a cell of its own.
    """

    def __init__(self, law: Law, epochs: int, cell: np.random.Generator | None) -> None:
        self._law, self._epochs = law, epochs
        self._forgetting = forgetting(law, epochs)
        self._is_shared = cell is not None
        if cell is None:
            return
        self._common = self._draws(cell)
        self._alike = [[Waves(cell) for _ in range(2)] for _ in (CELL, IMAGES, UNREST)]
        self._common_share, self._alike_share = np.zeros_like(self._common), np.zeros_like(self._common)
        self._common_share[:UNREST] = 0.75 * law.shared
        for kind, common, alike in (
            (CELL, law.shared, law.alike),
            (IMAGES, IMAGES_SHARED, (1 - IMAGES_SHARED) / 2),
            (UNREST, 0.0, law.alike),
        ):
            self._common_share[kind, [0, -1]], self._alike_share[kind, [0, -1]] = common, alike

    def __call__(self, places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The noise [4 kinds, epochs] of a trial at places [1, 4], each of variance 1; `rng` draws what is its own."""
        law, draws = self._law, self._draws(rng)
        if self._is_shared:
            alike = np.zeros_like(draws)
            for kind, waves in enumerate(self._alike):
                alike[kind, [0, -1]] = [wave(places)[0] for wave in waves]
            own = np.sqrt(1 - self._common_share - self._alike_share) * draws
            draws = np.sqrt(self._common_share) * self._common + np.sqrt(self._alike_share) * alike + own
        noise: np.ndarray = draws[:, 1:-1].copy()
        moving = math.sqrt(1 - law.constant) * (noise[:UNREST] @ self._forgetting.T)
        noise[:UNREST] = math.sqrt(law.constant) * draws[:UNREST, :1] + moving
        noise[UNREST] = draws[UNREST, 0]
        noise[:EPOCH, -1] = law.agree * noise[:EPOCH, -1] + math.sqrt(1 - law.agree**2) * draws[:EPOCH, -1]
        noise[UNREST, :-1], noise[UNREST, -1] = skewed(noise[UNREST, 0]), skewed(noise[UNREST, -1])
        return noise

    def _draws(self, rng: np.random.Generator) -> np.ndarray:
        """A trial's noise [4, 1 + epochs + 1] in its parts: what stays, what moves, what the last epoch has alone."""
        return rng.standard_normal((4, self._epochs + 2))


def skewed(normal: float) -> float:
    """A normal draw as one of an exponential distribution downwards, of mean 0, variance 1 and at most 1."""
    return 1 + math.log(max(0.5 * math.erfc(-normal / math.sqrt(2)), 1e-12))


def learning_rates(epochs: int) -> np.ndarray:
    """By epoch [epochs], as shares of the largest, on the trials' cosine schedule."""
    rates: np.ndarray = 0.5 * (1 + np.cos(math.pi * np.arange(epochs) / epochs))
    return rates


def forgetting(law: Law, epochs: int) -> np.ndarray:
    """A factor L [T, T]: L @ normal draws has variance 1, and forgets from each epoch to the next by the law's rate."""
    steps = law.rate * learning_rates(epochs) * np.arange(1, epochs + 1) ** -law.power
    times = np.concatenate([[0.0], np.cumsum(steps[:-1])])
    apart = np.abs(times[:, None] - times[None, :])
    return np.linalg.cholesky(np.exp(-apart) + 1e-9 * np.eye(epochs))
