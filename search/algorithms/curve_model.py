"""A Gaussian process over learning curves: a trial's expected score at its end, from the values of all trials so far.

A value of a trial at values x and an epoch e is

    y(x, e) = mean(e) + a(e) f(x) + b(e) g(x) + u(e) c(trial) + s(e) noise

f is the surface that decides at the end, and g one that only earlier epochs have: b is 0 at the last epoch. c is what a
trial's own split, order and initialisation add at all its epochs. f and g have a Matérn 5/2 kernel with one length
scale for each coordinate, plus a quadratic one, because such surfaces have a middle that is better than the ends. c and
noise are normal. a, b, u and s are given at a few epochs, the knots; between two knots their logarithms are linear in
log e. All are those of the largest posterior density. Their prior keeps them sensible while there are few values.

So a trial that was stopped or paused counts for what it is: its last value is a noisy look at f, and the noisier the
earlier. Multi-fidelity processes of this kind: Kennedy & O'Hagan 2000 (Biometrika 87, 1); for learning curves: Swersky
et al. 2014 (arXiv 1406.3896).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, lapack, solve_triangular
from scipy.optimize import minimize

from search.algorithms.curve_unit import UNIT
from search.algorithms.one_thread import one_thread

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
COMMON, OWN = 3.0, 1.0  # prior deviation of the mean of all epochs, and of what each knot adds, in units
NUGGET = 1e-6
STEPS = 30  # of the fit
# the prior of the logarithm of each kind of hyper-parameter: its centre's exponential, and its deviation
LENGTH, SURFACE, EARLY, TRIAL, NOISE = (1.0, 1.0), (1.2, 0.2), (0.3, 0.2), (0.9, 0.16), (0.5, 0.16)
BEFORE, BEFORE_WIDTH = (0.7, 1.0), 0.16  # a at the first knot and at the last but one, as a share of that at the end


@dataclass(frozen=True)
class Shown:
    """The values that trials have shown, N in all.

    Attributes:
        places: [N, D], the coordinates of each value's trial, see `search.algorithms.curve_places`.
        epochs: [N], the epoch of each value.
        trials: [N], a number for each trial.
        scores: [N], the values; larger is better.
    """

    places: Array
    epochs: Ints
    trials: Ints
    scores: Array

    def part(self, chosen: NDArray[np.bool_]) -> "Shown":
        """The values where `chosen` [N] is true."""
        return Shown(self.places[chosen], self.epochs[chosen], self.trials[chosen], self.scores[chosen])


class CurveModel:
    """The process, given the values that trials have shown.

    Args:
        shown: the values.
        knots: epochs, ascending; the last is a trial's last epoch.
        theta: the hyper-parameters, as the attribute of another model with this unit; None: fit them to the values.
        unit: scores are counted in it, see `search.algorithms.curve_unit`.
    """

    def __init__(self, shown: Shown, knots: tuple[int, ...], theta: Array | None = None, *, unit: float = UNIT) -> None:
        self._shown, self._knots, self._unit = shown, knots, unit
        self._hats = hats(shown.epochs, knots)
        self._centre = float(np.median(shown.scores))
        self._scores = (shown.scores - self._centre) / unit
        self._same_trial = shown.trials[:, None] == shown.trials[None, :]
        self._apart = np.square(shown.places.T[:, :, None] - shown.places.T[:, None, :])  # [D, N, N]
        self._set_prior()
        with one_thread():
            self._means = COMMON**2 + OWN**2 * self._hats @ self._hats.T
            self._bend = quadratic(shown.places, shown.places)
            self.theta = self._fitted() if theta is None else theta
            self._factor = as_floats(np.linalg.cholesky(self._covariance(self._parts(self.theta)).whole))
            self._weights = as_floats(cho_solve((self._factor, True), self._scores))

    def predict(self, places: Array, running: Array | None = None) -> tuple[Array, Array]:
        """The mean [M] and the standard deviation [M] of the expected score at the end at `places` [M, D].

        The deviation is what it will be when the trials at `running` [P, D] have ended, whatever their scores will be.
        """
        with one_thread():
            return self._predict(places, running)

    def _predict(self, places: Array, running: Array | None) -> tuple[Array, Array]:
        cross = self._to_shown(places)
        half = solve_triangular(self._factor, cross.T, lower=True)
        variance = COMMON**2 + OWN**2 + self._end**2 * (1 + quadratic_at(places)) - (half**2).sum(0)
        if running is not None and len(running):
            there = solve_triangular(self._factor, self._to_shown(running).T, lower=True)
            among = self._at_end(running, running) - there.T @ there
            among[np.diag_indices_from(among)] += self._noise_at_end
            to = self._at_end(places, running) - half.T @ there
            variance = variance - (solve_triangular(np.linalg.cholesky(among), to.T, lower=True) ** 2).sum(0)
        mean: Array = self._centre + self._unit * (cross @ self._weights)
        deviation: Array = self._unit * np.sqrt(np.maximum(variance, 1e-9))
        return mean, deviation

    @property
    def luck(self) -> float:
        """The standard deviation of what a trial's score at its end has of its own."""
        return self._unit * math.sqrt(self._noise_at_end)

    @property
    def _end(self) -> float:
        """a at the last epoch."""
        return float(np.exp(self.theta[self._shown.places.shape[1]]))

    @property
    def _noise_at_end(self) -> float:
        """The variance of what a trial at its last epoch has of its own."""
        *_, trial, noise = self._split(self.theta)
        return float(np.exp(trial[-1]) ** 2 + np.exp(noise[-1]) ** 2)

    def _at_end(self, places: Array, others: Array) -> Array:
        """Covariances [M, P] of the expected scores at the end at `places` and at `others`."""
        length = np.exp(self._split(self.theta)[0])
        likeness = matern(squared(places / length, others / length)) + quadratic(places, others)
        return as_floats(COMMON**2 + OWN**2 + self._end**2 * likeness)

    def _to_shown(self, places: Array) -> Array:
        """Covariances [M, N] of the expected score at the end at `places` with the shown values."""
        parts = self._parts(self.theta)
        likeness = matern(squared(places / parts.length, self._shown.places / parts.length))
        likeness = likeness + quadratic(places, self._shown.places)
        return as_floats(COMMON**2 + OWN**2 * self._hats[None, :, -1] + likeness * (self._end * parts.surface)[None, :])

    def _set_prior(self) -> None:
        """The prior's centres and deviations, in the order of `_split`."""
        fields, early = self._shown.places.shape[1], len(self._knots) - 1
        kinds = [LENGTH] * fields + [SURFACE]
        kinds += [(SURFACE[0] * float(share), BEFORE_WIDTH) for share in np.linspace(*BEFORE, early)]
        kinds += [EARLY] * early + [TRIAL] * (early + 1) + [NOISE] * (early + 1)
        self._centres = np.log([centre for centre, _ in kinds])
        self._widths = np.array([width for _, width in kinds])

    def _split(self, theta: Array) -> list[Array]:
        """The logarithms in theta: length scales [D], a at the end [1] and before [K-1], b [K-1], u [K] and s [K]."""
        fields, early = self._shown.places.shape[1], len(self._knots) - 1
        return np.split(theta, np.cumsum([fields, 1, early, early, early + 1]))

    def _parts(self, theta: Array) -> "_Parts":
        length, end, before, other, trial, noise = self._split(theta)
        hats = self._hats
        earlier = hats[:, :-1].sum(1)  # how far a value is from the last epoch: 0 at it
        mixed = hats[:, :-1] / np.maximum(earlier, 1e-12)[:, None]
        return _Parts(
            np.exp(length),
            np.exp(hats @ np.concatenate([before, end])),
            np.exp(mixed @ other) * earlier,
            mixed,
            np.exp(hats @ trial),
            np.exp(hats @ noise),
        )

    def _covariance(self, parts: "_Parts") -> "_Covariance":
        distance = np.sqrt(5 * np.tensordot(parts.length**-2, self._apart, axes=1))
        decay = np.exp(-distance)
        slope = (1 + distance) * decay
        likeness = slope + distance**2 / 3 * decay + self._bend
        of_surface, of_other = np.outer(parts.surface, parts.surface), np.outer(parts.other, parts.other)
        of_trials = np.outer(parts.trial, parts.trial) * self._same_trial
        whole = self._means + likeness * (of_surface + of_other) + of_trials
        whole[np.diag_indices_from(whole)] += parts.noise**2 + NUGGET
        return _Covariance(whole, likeness, slope, of_surface, of_other, of_trials)

    def _fitted(self) -> Array:
        limits = list(zip(self._centres - 3 * self._widths, self._centres + 3 * self._widths, strict=True))
        found = minimize(
            self._loss, self._centres, jac=True, method="L-BFGS-B", bounds=limits, options={"maxiter": STEPS}
        )
        # rounded, so that the last bits of a machine's linear algebra do not reach the proposals
        return as_floats(np.round(found.x, 3))

    def _loss(self, theta: Array) -> tuple[float, Array]:
        """The negative log posterior density of the hyper-parameters, without constants, and its gradient."""
        parts = self._parts(theta)
        covariance = self._covariance(parts)
        factor, trouble = lapack.dpotrf(covariance.whole, lower=1)
        if trouble:
            return 1e10, np.zeros_like(theta)
        weights = cho_solve((factor, True), self._scores)
        inverse = lapack.dpotri(factor, lower=1)[0]
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        off = (theta - self._centres) / self._widths
        loss = 0.5 * self._scores @ weights + np.log(np.diag(factor)).sum() + 0.5 * off @ off
        outer = np.outer(weights, weights) - inverse
        of_both = covariance.of_surface + covariance.of_other
        by_length = 5 / 6 * np.tensordot(self._apart, outer * of_both * covariance.slope) / parts.length**2
        surface = self._hats.T @ (outer * covariance.likeness * covariance.of_surface).sum(1)
        other = parts.mixed.T @ (outer * covariance.likeness * covariance.of_other).sum(1)
        trial = self._hats.T @ (outer * covariance.of_trials).sum(1)
        noise = self._hats.T @ (np.diag(outer) * parts.noise**2)
        rises = np.concatenate([by_length, surface[-1:], surface[:-1], other, trial, noise])
        return float(loss), off / self._widths - rises


@dataclass(frozen=True)
class _Parts:
    """The hyper-parameters, those of epochs at each shown value."""

    length: Array  # [D]
    surface: Array  # [N], a
    other: Array  # [N], b
    mixed: Array  # [N, K-1], how much each knot before the last has of log b
    trial: Array  # [N], u
    noise: Array  # [N], s


@dataclass(frozen=True)
class _Covariance:
    """The covariance [N, N] of the shown values, and what its slopes need."""

    whole: Array
    likeness: Array
    slope: Array  # times 5/3 of the squared scaled distance by a coordinate, the likeness's by that log length
    of_surface: Array
    of_other: Array
    of_trials: Array


def hats(epochs: Ints, knots: tuple[int, ...]) -> Array:
    """How much each epoch has of each knot, [N, K]: linear in log epoch between two knots, and 1 in all.

    An epoch outside the knots has all of the nearest one.
    """
    at, log = np.log(np.clip(epochs, knots[0], knots[-1])), np.log(np.asarray(knots, dtype=np.float64))
    eye = np.eye(len(knots))
    return np.stack([np.interp(at, log, eye[place]) for place in range(len(knots))], axis=1)


def matern(squares: Array) -> Array:
    """The Matérn 5/2 kernel [N, M] of squared distances [N, M], in units of the length scale."""
    distance = np.sqrt(5 * squares)
    return as_floats((1 + distance + distance**2 / 3) * np.exp(-distance))


def squared(places: Array, others: Array) -> Array:
    """The squared distances [N, M] of places [N, D] and others [M, D]."""
    found = (places**2).sum(1)[:, None] + (others**2).sum(1)[None, :] - 2 * places @ others.T
    return as_floats(np.maximum(found, 0.0))


def as_floats(values: Any) -> Array:
    """An array of NumPy's or SciPy's, as the type checker knows it here."""
    return np.asarray(values, dtype=np.float64)


def quadratic(places: Array, others: Array) -> Array:
    """The quadratic kernel [N, M]: of random linear and quadratic functions of the coordinates."""
    return _terms(places) @ _terms(others).T


def quadratic_at(places: Array) -> Array:
    """The quadratic kernel [N] of each place with itself."""
    return as_floats((_terms(places) ** 2).sum(1))


def _terms(places: Array) -> Array:
    """The coordinates, from -1 to 1 in their ranges, and their products, [N, D + D (D + 1) / 2]."""
    inside = 2 * np.clip(places, 0.0, 1.0) - 1
    first, second = np.triu_indices(places.shape[1])
    return np.concatenate([inside, inside[:, first] * inside[:, second]], axis=1)
