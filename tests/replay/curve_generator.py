"""Simulated learning curves: a random surface a seed, with the noise of real trials.

`calibrate.py` shows how well they fit real ones, and says what does not.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from curve_space import EPOCHS, SPACE, CurveFailed, Regime, Score, Values, epoch_seconds


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
    unrest: float  # and how much it grows by the shortfall to the top
    skew: float  # from 0 (normal) to 1 (exponential, downwards) of the constant part
    constant: float  # the constant part's share of that variance
    drift: float  # how much learning rate (in full epochs) makes the other part forget
    same_images: float  # share of the image noise's variance that stays over a trial's epochs
    images_drift: float
    agree: float = 1.0  # correlation of the constant part before the last epoch and at it
    shared: float = 0.5  # of the constant part's variance: what all configurations of a cell have in common,
    alike: float = 0.35  # and what neighbours have


LAWS: dict[tuple[str, str], Law] = {
    ("900:100", "probe"): Law(
        top=0.798, top_sd=0.006, depth=0.016, ease=0.0, wall=6.0,
        level=(-0.004, 0.004), weight=(0.3, 0.8), other=(0.010, 0.005),
        cell=0.010, unrest=0.7, skew=0.6, constant=0.5, drift=2.0, same_images=0.5, images_drift=2.0, agree=0.85,
    ),
    ("900:100", "min"): Law(
        top=0.798, top_sd=0.006, depth=0.016, ease=0.0, wall=6.0,
        level=(-0.004, 0.0), weight=(0.3, 1.0), other=(0.010, 0.0),
        cell=0.010, unrest=0.7, skew=0.6, constant=0.5, drift=2.0, same_images=0.5, images_drift=2.0,
    ),
    ("980:20", "probe"): Law(
        top=0.765, top_sd=0.008, depth=0.022, ease=0.0, wall=6.0,
        level=(-0.012, -0.014), weight=(0.3, 0.4), other=(0.010, 0.012),
        cell=0.023, unrest=0.7, skew=0.6, constant=0.6, drift=2.0, same_images=0.5, images_drift=2.0, agree=0.4,
    ),
    ("980:20", "min"): Law(
        top=0.765, top_sd=0.008, depth=0.022, ease=0.0, wall=6.0,
        level=(0.0, 0.0), weight=(0.3, 1.0), other=(0.010, 0.0),
        cell=0.023, unrest=0.7, skew=0.6, constant=0.6, drift=2.0, same_images=0.5, images_drift=2.0,
    ),
}  # fmt: skip

PER_CLASS = 250  # validation images
ZERO_PLACE = -0.4  # of zero on a field's line, where the range above it is 0 to 1: a corner is near its end, and apart
SCALES = np.array([1.0, 1.0, 0.6, 0.5])  # how far one must go in eta, gamma, tau, lr for another score
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


def clock(epochs: int) -> np.ndarray:
    """The learning rate's sum by epoch [epochs], in epochs at its full height, on the trials' cosine schedule."""
    return np.cumsum(0.5 * (1 + np.cos(math.pi * np.arange(epochs) / epochs)))


def forgetting(times: np.ndarray, drift: float) -> np.ndarray:
    """A factor L [T, T] so that L @ normal draws has variance 1 and correlation exp(-distance / drift)."""
    apart = np.abs(times[:, None] - times[None, :])
    return np.linalg.cholesky(np.exp(-apart / drift) + 1e-12 * np.eye(len(times)))


class Generator:
    """Curves of one random surface, each trial with the noise of its cell and of its validation images.

    Args:
        seed: of the surface and of all noise.
        regime: which study's distribution the surface is drawn from.
        score: how an epoch is scored: `probe` as the product does today, with another estimator at the last epoch;
            `min` by a linear fit with l2 = 1/N_min at every epoch.
        cells: whether each trial has its own split and initialisation, or all share one.
    """

    def __init__(
        self,
        seed: int,
        regime: Regime,
        *,
        score: Score = "probe",
        cells: Literal["own", "shared"] = "own",
        law: Law | None = None,
    ) -> None:
        self.space, self.epochs = SPACE, EPOCHS
        self.law = law = law or LAWS[regime, score]
        self._seed, self._is_shared = seed, cells == "shared"
        rng = self._rng(SURFACES)
        self._raw, self._top = Waves(rng), rng.normal(law.top, law.top_sd)
        self._valley = rng.uniform(0.2, 0.6), rng.uniform(-0.5, 0.5)  # its lr at the middle tau, and its slope
        self._other = Waves(self._rng(OTHER))
        rng = self._rng(FAILING)
        self._steep = rng.uniform(0.2, 0.8)  # how much a low temperature adds to a high learning rate
        failing = rng.uniform(0.02, 0.15) if rng.random() < 0.5 else 0.0
        spent = clock(EPOCHS)
        self._spent = (spent[:-1] - spent[0]) / (spent[-2] - spent[0])  # 0 at the first epoch, 1 at the last but one
        self._drift, self._images_drift = forgetting(spent, law.drift), forgetting(spent, law.images_drift)
        rng = self._rng(CELL)
        self._cell, self._cell_images = standard_skewed(rng, law.skew), rng.standard_normal()
        self._alike, self._images_alike = Waves(rng), Waves(rng)
        self._known: tuple[tuple[object, ...], np.ndarray] = ((), np.empty(0))
        places = np.array([self._places(self.from_units(row)) for row in self._rng(BEST).random((4096, len(SPACE)))])
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
        before = (
            self.mean_score + along(law.level, self._spent) + along(law.weight, self._spent) * (final - self.mean_score)
        )
        expected = np.append(before + along(law.other, self._spent) * self._other(places)[0], final)
        noise = self._noise(places, trial)
        cell = math.hypot(law.cell, law.unrest * (self._top - final))
        scores = np.clip(expected + cell * noise[0], 0.3, 0.99)
        scores = scores + np.sqrt(scores * (1 - scores) / (2 * PER_CLASS)) * noise[1]
        scores = np.round(np.clip(scores, 0.0, 1.0) * 2 * PER_CLASS) / (2 * PER_CLASS)
        too_hot = self._heat(places)[0] - self._fails_above
        if too_hot > 0:
            scores[min(2, int(0.1 / too_hot)) :] = np.nan  # the hotter the earlier, from epoch 1 to 3
        return scores

    def _noise(self, places: np.ndarray, trial: int) -> np.ndarray:
        """Of the cell and of its validation images [2, epochs], each of variance 1."""
        law = self.law
        if self._is_shared:  # the same configuration has the same noise whenever it is tried
            rng = self._rng(TRIAL, *(np.round(places[0] * 2**40).astype(np.int64) + 2**44).tolist())
            own = math.sqrt(1 - law.shared - law.alike)
            parts = math.sqrt(law.shared), math.sqrt(law.alike), own
            constant = parts @ np.array([self._cell, self._alike(places)[0], standard_skewed(rng, law.skew)])
            images = parts @ np.array([self._cell_images, self._images_alike(places)[0], rng.standard_normal()])
        else:
            rng = self._rng(TRIAL, trial)
            constant, images = standard_skewed(rng, law.skew), rng.standard_normal()
        moving = rng.standard_normal((2, self.epochs))
        other_estimator = rng.standard_normal()
        steady = np.full(self.epochs, law.agree * constant + math.sqrt(1 - law.agree**2) * other_estimator)
        steady[-1] = constant
        of_cell = math.sqrt(law.constant) * steady + math.sqrt(1 - law.constant) * (self._drift @ moving[0])
        of_images = math.sqrt(law.same_images) * images
        return np.stack([of_cell, of_images + math.sqrt(1 - law.same_images) * (self._images_drift @ moving[1])])

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


def along(ends: tuple[float, float], spent: np.ndarray) -> np.ndarray:
    """From one end to the other, as the learning rate is spent."""
    return ends[0] + (ends[1] - ends[0]) * spent


def standard_skewed(rng: np.random.Generator, skew: float) -> float:
    """A draw of mean 0 and variance 1 with a tail downwards."""
    return math.sqrt(1 - skew**2) * rng.standard_normal() + skew * (1 - rng.exponential())
