"""Simulated learning curves: a random surface a seed, with the noise of real trials.

`calibrate.py` shows how well they fit real ones, and says what does not.
"""

import math
from typing import Literal

import curve_noise
import numpy as np
from curve_law import LAWS, Law
from curve_noise import Noise, Waves, learning_rates
from curve_space import EPOCHS, SPACE, ZERO, CurveFailed, Regime, Score, Values, epoch_seconds

PER_CLASS = 250  # validation images
ZERO_PLACE = -0.4  # of zero on a field's line, where the range above it is 0 to 1: a corner is near its end, and apart
CHANCE = 0.5  # the truth of what fails
SURFACES, OTHER, FAILING, CELL, TRIAL, BEST = range(6)  # what a seed is split into


class Generator:
    """Curves of one random surface, each trial with the noise of its cell and of its validation images.

    Args:
        seed: of the surface and of all noise.
        regime: which study's distribution the surface is drawn from.
        score: how an epoch is scored: `eff` by a linear fit with l2 = 1/N_eff at every epoch, as the product
            does where features are few;
            `min` with l2 = 1/N_min; `probe` as with `solver: adamw`, with another estimator at the last epoch; `soft`
            by the soft balanced accuracy of the fit of `eff`, by which the product decides if all have one loss.
        cells: whether each trial has its own split and initialisation, or all share one,
        cell: and which.
        law: another one than that of regime and score.
        per_class: validation images of each class.
    """

    def __init__(
        self,
        seed: int,
        regime: Regime,
        *,
        score: Score = "eff",
        cells: Literal["own", "shared"] = "own",
        cell: int = 0,
        law: Law | None = None,
        per_class: int = PER_CLASS,
    ) -> None:
        self.space, self.epochs = SPACE, EPOCHS
        self.law = law = law or LAWS[regime, score]
        self._seed, self._is_shared, self._cell = seed, cells == "shared", cell
        self._regime: Regime = regime
        self._images = 2 * per_class
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
        self._noise = Noise(law, EPOCHS, self._rng(CELL, cell) if cells == "shared" else None)
        self._known: tuple[tuple[object, ...], np.ndarray] = ((), np.empty(0))
        places = places_of(self._rng(BEST).random((2048, len(SPACE))))
        heat = self._heat(places)
        self._fails_above = float(np.quantile(heat, 1 - failing)) if failing else math.inf
        self.mean_score = float(self._expected(places[heat <= self._fails_above]).mean())
        self.best = self._find_best(places)

    def scored_by(self, score: Score) -> "Generator":
        """The same surface, trials and images with another score; each trial has its own cell."""
        return Generator(self._seed, self._regime, score=score)

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
        before = before + along(law.other, self._spent) * self._other(places)[0]
        expected = np.append(before, before[-1] if law.is_soft else final)
        noise = self._trial_noise(places, trial)
        unrest = (self.best - final) * np.append(np.full(self.epochs - 1, law.unrest[0]), law.unrest[1])
        of_cell = law.cell * noise[curve_noise.CELL] + unrest * noise[curve_noise.UNREST]
        scores = np.clip(expected + of_cell + law.jitter * noise[curve_noise.EPOCH], 0.3, 0.99)
        scores = scores + law.images * np.sqrt(scores * (1 - scores) / self._images) * noise[curve_noise.IMAGES]
        scores = np.clip(scores, 0.0, 1.0)
        if not law.is_soft:  # a share of images
            scores = np.round(scores * self._images) / self._images
        too_hot = self._heat(places)[0] - self._fails_above
        if too_hot > 0:
            scores[min(2, int(0.1 / too_hot)) :] = np.nan  # the hotter the earlier, from epoch 1 to 3
        return scores

    def test(self, values: Values, trial: int) -> float:
        """The test score of a trial's cell, without noise of the test images: what no search sees."""
        places = self._places(values)[None]
        final = float(self._expected(places)[0])
        noise = self._trial_noise(places, trial)[:, -1]
        unrest = self.law.unrest[1] * (self.best - final)
        return final + float(self.law.cell * noise[curve_noise.CELL] + unrest * noise[curve_noise.UNREST])

    def _trial_noise(self, places: np.ndarray, trial: int) -> np.ndarray:
        if self._is_shared:  # the same configuration has the same noise whenever it is tried
            key = (np.round(places[0] * 2**40).astype(np.int64) + 2**44).tolist()
            return self._noise(places, self._rng(TRIAL, self._cell, *key))
        return self._noise(places, self._rng(TRIAL, trial))

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
