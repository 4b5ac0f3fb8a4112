"""Simulated learning curves: a random surface a seed, with the noise of real trials.

`calibrate.py` shows how well they fit real ones, and says what does not.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from curve_space import EPOCHS, SPACE, ZERO, CurveFailed, Regime, Score, Values, epoch_seconds


@dataclass(frozen=True)
class Law:
    """The distribution that a seed draws its surface from. Scores are shares of 1; "unit" is of standard deviation 1.

    The expected test score of a configuration x is top - depth * softplus(ease - raw(x)): flat on top, where raw is
    high, and falling in proportion where it is low. raw is a smooth random function of all four values together, less
    a valley's walls along a line in learning rate and temperature. The expected validation score of an epoch before
    the last mixes this surface with another one, by the share of the learning rate's sum that is spent.
    """

    top: float  # the best expected score, in the mean over seeds,
    top_sd: float  # and its standard deviation between seeds
    depth: float
    ease: float
    wall: float  # how steep the valley is
    level: tuple[float, float]  # of epochs before the last less the final mean: at the first and at the last of them
    weight: tuple[float, float]  # of the final surface in theirs
    other: tuple[float, float]  # standard deviation of the other surface in theirs
    cell: float  # standard deviation between seeds at the top,
    unrest: tuple[float, float]  # and how much it grows by the shortfall to the top, before the last epoch and at it
    skew: float  # from 0 (normal) to 1 (exponential, downwards) of the constant part
    constant: float  # the constant part's share of the variance, of a cell and of its images
    rate: float  # how fast the other part forgets: by an epoch's learning rate,
    power: float  # and the slower the later
    agree: float = 1.0  # correlation of the noise before the last epoch and at it
    jitter: float = 0.0022  # standard deviation of what each epoch has of its own
    shared: float = 0.65  # of the constant part's variance: what all configurations of a cell have in common,
    alike: float = 0.25  # and what neighbours have


LAWS: dict[tuple[str, str], Law] = {
    ("900:100", "probe"): Law(
        top=0.801, top_sd=0.004, depth=0.030, ease=-0.5, wall=6.0,
        level=(-0.002, 0.006), weight=(0.1, 0.8), other=(0.004, 0.010),
        cell=0.010, unrest=(0.2, 0.8), skew=0.6, constant=0.5, rate=0.8, power=0.5, agree=0.85,
    ),
    ("900:100", "min"): Law(
        top=0.801, top_sd=0.004, depth=0.030, ease=-0.5, wall=6.0,
        level=(-0.004, 0.0), weight=(0.2, 1.0), other=(0.006, 0.0), jitter=0.001,
        cell=0.010, unrest=(0.4, 0.7), skew=0.6, constant=0.6, rate=0.8, power=0.9,
    ),
    ("980:20", "probe"): Law(
        top=0.772, top_sd=0.006, depth=0.044, ease=-0.5, wall=6.0,
        level=(-0.008, -0.006), weight=(0.1, 0.4), other=(0.005, 0.016),
        cell=0.022, unrest=(0.0, 0.8), skew=0.6, constant=0.2, rate=1.5, power=1.6, agree=0.5,
    ),
    ("980:20", "min"): Law(
        top=0.772, top_sd=0.006, depth=0.044, ease=-0.5, wall=6.0,
        level=(-0.001, 0.0), weight=(0.4, 1.0), other=(0.006, 0.0), jitter=0.001,
        cell=0.022, unrest=(0.5, 0.7), skew=0.6, constant=0.5, rate=0.6, power=1.0,
    ),
}  # fmt: skip

IMAGES_SHARED = 0.8  # of their noise in one cell
PER_CLASS = 250  # validation images
ZERO_PLACE = -0.4  # of zero on a field's line, where the range above it is 0 to 1: a corner is near its end, and apart
SCALES = np.array([1.5, 1.5, 0.6, 0.5])  # how far one must go in eta, gamma, tau, lr for another score
CHANCE = 0.5  # the truth of what fails
SURFACES, OTHER, FAILING, CELL, TRIAL, BEST = range(6)  # what a seed is split into


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


class Generator:
    """Curves of one random surface, each trial with the noise of its cell and of its validation images.

    Args:
        seed: of the surface and of all noise.
        regime: which study's distribution the surface is drawn from.
        score: how an epoch is scored: `probe` as the product does today, with another estimator at the last epoch;
            `min` by a linear fit with l2 = 1/N_min at every epoch.
        cells: whether each trial has its own split and initialisation, or all share one,
        cell: and which.
    """

    def __init__(
        self,
        seed: int,
        regime: Regime,
        *,
        score: Score = "probe",
        cells: Literal["own", "shared"] = "own",
        cell: int = 0,
        law: Law | None = None,
    ) -> None:
        self.space, self.epochs = SPACE, EPOCHS
        self.law = law = law or LAWS[regime, score]
        self._seed, self._is_shared, self._cell = seed, cells == "shared", cell
        rng = self._rng(SURFACES)
        self._raw, self._top = Waves(rng), rng.normal(law.top, law.top_sd)
        self._valley = rng.uniform(0.2, 0.6), rng.uniform(-0.5, 0.5)  # its lr at the middle tau, and its slope
        self._other = Waves(self._rng(OTHER))
        rng = self._rng(FAILING)
        self._steep = rng.uniform(0.2, 0.8)  # how much a low temperature adds to a high learning rate
        failing = rng.uniform(0.02, 0.15) if rng.random() < 0.5 else 0.0
        spent = np.cumsum(learning_rates(EPOCHS))
        spent = (spent[:-1] - spent[0]) / (spent[-2] - spent[0])
        self._spent = np.sqrt(spent)  # 0 at the first epoch, 1 at the last but one, and most of the way early
        self._forgetting = forgetting(law, EPOCHS)
        rng = self._rng(CELL, cell)
        self._common = self._draws(rng)
        self._alike = [Waves(rng) for _ in range(4)]
        shares = np.zeros((2, *self._common.shape))
        shares[0, :2] = law.shared / 2
        shares[0, :2, [0, -1]] = [law.shared, IMAGES_SHARED]
        shares[1, :2, [0, -1]] = [law.alike, (1 - IMAGES_SHARED) / 2]
        self._shares = shares  # of the variance: what all trials of a cell have in common, and what neighbours have
        self._known: tuple[tuple[object, ...], np.ndarray] = ((), np.empty(0))
        places = places_of(self._rng(BEST).random((4096, len(SPACE))))
        heat = self._heat(places)
        self._fails_above = float(np.quantile(heat, 1 - failing)) if failing else math.inf
        self.mean_score = float(self._expected(places[heat <= self._fails_above]).mean())
        self.best = self._find_best(places)

    def value(self, values: Values, trial: int, epoch: int) -> float:
        """The validation score at the end of an epoch from 1. Raises CurveFailed where the trial fails."""
        key = (trial, *values.values())
        if self._known[0] != key:
            self._known = key, self.curve(values, trial)
        score = self._known[1][epoch - 1]
        if score != score:
            raise CurveFailed(f"the contrastive loss is nan at epoch={epoch}")
        return float(score)

    def seconds(self, values: Values, epoch: int) -> float:
        """How long that epoch takes: the first with the trial's start, the last with the classifier."""
        return epoch_seconds(epoch, self.epochs)

    def truth(self, values: Values) -> float:
        """The expected test score of the whole trial, over all cells; chance where it fails."""
        places = self._places(values)[None]
        return CHANCE if self._heat(places)[0] > self._fails_above else float(self._expected(places)[0])

    def from_units(self, units: np.ndarray) -> dict[str, float]:
        """Values of places in the unit cube, one for each field."""
        return {path: field.from_unit(unit) for (path, field), unit in zip(SPACE.items(), units, strict=True)}

    def curve(self, values: Values, trial: int) -> np.ndarray:
        """Validation scores [epochs] of a trial; nan from where it fails."""
        places = self._places(values)[None]
        law, final = self.law, float(self._expected(places)[0])
        weight = along(law.weight, self._spent)
        before = self.mean_score + along(law.level, self._spent) + weight * (final - self.mean_score)
        expected = np.append(before + along(law.other, self._spent) * self._other(places)[0], final)
        noise = self._noise(places, trial)
        cell = np.full(self.epochs, self._unrest(final, law.unrest[0]))
        cell[-1] = self._unrest(final, law.unrest[1])
        scores = np.clip(expected + cell * noise[0] + law.jitter * noise[2], 0.3, 0.99)
        scores = scores + np.sqrt(scores * (1 - scores) / (2 * PER_CLASS)) * noise[1]
        scores = np.round(np.clip(scores, 0.0, 1.0) * 2 * PER_CLASS) / (2 * PER_CLASS)
        too_hot = self._heat(places)[0] - self._fails_above
        if too_hot > 0:
            scores[min(2, int(0.1 / too_hot)) :] = np.nan  # the hotter the earlier, from epoch 1 to 3
        return scores

    def test(self, values: Values, trial: int) -> float:
        """The test score of a trial's cell, without noise of the test images: what no search sees."""
        places = self._places(values)[None]
        final = float(self._expected(places)[0])
        return final + self._unrest(final, self.law.unrest[1]) * float(self._noise(places, trial)[0, -1])

    def _unrest(self, final: float, growth: float) -> float:
        """The standard deviation between the cells of a configuration."""
        return math.hypot(self.law.cell, growth * (self.best - final))

    def _noise(self, places: np.ndarray, trial: int) -> np.ndarray:
        """Of the cell, of its validation images, and of each epoch alone [3, epochs], of variance 1."""
        law = self.law
        if self._is_shared:  # the same configuration has the same noise whenever it is tried
            own = self._draws(self._rng(TRIAL, self._cell, *(np.round(places[0] * 2**40).astype(np.int64) + 2**44)))
            alike = np.zeros_like(own)
            alike[:2, [0, -1]] = np.reshape([wave(places)[0] for wave in self._alike], (2, 2))
            shares = self._shares
            draws = np.sqrt(shares[0]) * self._common + np.sqrt(shares[1]) * alike + np.sqrt(1 - shares.sum(0)) * own
        else:
            draws = self._draws(self._rng(TRIAL, trial))
        noise: np.ndarray = draws[:, 1:-1].copy()
        noise[:2] = (
            math.sqrt(1 - law.constant) * (noise[:2] @ self._forgetting.T) + math.sqrt(law.constant) * draws[:2, :1]
        )
        noise[:2, -1] = law.agree * noise[:2, -1] + math.sqrt(1 - law.agree**2) * draws[:2, -1]
        return noise

    def _draws(self, rng: np.random.Generator) -> np.ndarray:
        """A trial's noise [3, 1 + epochs + 1] in its parts: what stays, what moves, what the last epoch has alone."""
        draws = rng.standard_normal((3, self.epochs + 2))
        skew = self.law.skew
        draws[0, [0, -1]] = math.sqrt(1 - skew**2) * draws[0, [0, -1]] + skew * (1 - rng.exponential(size=2))
        return draws

    def _rng(self, *purpose: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, *purpose])

    def _places(self, values: Values) -> np.ndarray:
        return np.array(
            [ZERO_PLACE if values[path] == 0 else field.place(values[path]) for path, field in SPACE.items()]
        )

    def _heat(self, places: np.ndarray) -> np.ndarray:
        """How near [N] training is to failing: by a high learning rate and a low temperature."""
        return places[:, 3] - self._steep * places[:, 2]

    def _expected(self, places: np.ndarray) -> np.ndarray:
        """Expected test scores [N] of whole trials that do not fail."""
        middle, slope = self._valley
        off = places[:, 3] - middle - slope * (places[:, 2] - 0.5)
        raw = self._raw(places) - self.law.wall * off**2
        return self._top - self.law.depth * np.logaddexp(0, self.law.ease - raw)

    def _find_best(self, places: np.ndarray) -> float:
        """The largest truth: by random search, then by ever smaller steps from the best places."""
        rng, low = self._rng(BEST, 1), np.zeros(len(SPACE))
        for step in (0.1, 0.03, 0.01, 0.003, 0.001):
            fine = self._heat(places) <= self._fails_above
            order = np.argsort(np.where(fine, self._expected(places), -1.0))[-16:]
            steps = np.repeat(places[order], 64, axis=0)
            moved = np.clip(steps + step * rng.standard_normal(steps.shape), low, 1)
            places = np.concatenate([places[order], np.where(steps == ZERO_PLACE, ZERO_PLACE, moved)])
        fine = self._heat(places) <= self._fails_above
        return float(self._expected(places[fine]).max())


def places_of(units: np.ndarray) -> np.ndarray:
    """Places [N, 4] on the fields' lines of points [N, 4] in the unit cube."""
    may_be_zero = np.array([field.may_be_zero for field in SPACE.values()])
    return np.where(may_be_zero, np.where(units < ZERO, ZERO_PLACE, (units - ZERO) / (1 - ZERO)), units)


def along(ends: tuple[float, float], spent: np.ndarray) -> np.ndarray:
    """From one end to the other, as the learning rate is spent."""
    return ends[0] + (ends[1] - ends[0]) * spent
