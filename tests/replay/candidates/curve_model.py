"""A Gaussian process over learning curves: what a trial would score at its end, by its values, from all trials so far.

Each trial gives its values at some epochs, the levels: the rungs, and the end. A value is

    y(x, level, trial) = mean(level) + a(level) f(x) + b(level) g(x) + u(level) c(trial) + s(level) noise

where f is the surface that decides at the end, g one that only early epochs have (b is 0 at the end), and c what a
trial's own split and initialisation add at all its levels. f and g are Matern 5/2 functions of the same length scales;
c and the noise are normal. Hyper-parameters are those of the largest posterior density: a prior, wide enough that a
hundred values outweigh it, keeps them sensible while there are few.

So a stopped trial counts for what it is: its last value is a noisy look at f, the more so the earlier it was stopped.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, lapack, solve_triangular
from scipy.optimize import minimize

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
UNIT = 0.02  # a score's noise, roughly: scores are counted in it
COMMON, LEVEL = 3.0, 1.0  # prior sd of the mean that levels share, and of what each adds, in units
NUGGET = 1e-6
STEPS = 30  # of the fit


@dataclass(frozen=True)
class Prior:
    """The prior's centre of each kind of hyper-parameter, whose logarithms are normal. Amplitudes are in units."""

    length: float = 1.0
    surface: float = 1.2  # a, at the end; before it less
    other: float = 0.3  # b
    trial: float = 0.9  # u
    noise: float = 0.5  # s


class CurveModel:
    """The process, given all that trials have shown.

    Args:
        places: [N, D], where the trial of each value lies.
        levels: [N], the level of each value, from 0; the largest is the end.
        trials: [N], the number of its trial.
        scores: [N], the values.
        prior: of the hyper-parameters.
    """

    def __init__(self, places: Array, levels: Ints, trials: Ints, scores: Array, prior: Prior | None = None) -> None:
        self._places, self._levels = places, levels
        self._count, self._fields = int(levels.max()) + 1, places.shape[1]
        self._centre = float(np.median(scores))
        self._scores = (scores - self._centre) / UNIT
        self._same_trial = trials[:, None] == trials[None, :]
        self._means = COMMON**2 + LEVEL**2 * (levels[:, None] == levels[None, :])
        self._set_prior(prior or Prior())
        self._theta = self._fitted()
        self._length, self._a, *_ = self._parts(self._theta)
        self._factor = np.linalg.cholesky(self._covariance(self._theta)[0])
        self._weights = cho_solve((self._factor, True), self._scores)

    def predict(self, places: Array, pending: Array | None = None) -> tuple[Array, Array]:
        """Mean [M] and standard deviation [M] of the expected score at the end at `places` [M, D].

        `pending` [P, D] are places of trials that run: the deviation is that after their ends, whatever these will be.
        """
        cross = self._cross(places)
        half = solve_triangular(self._factor, cross.T, lower=True)
        own = COMMON**2 + LEVEL**2 + self._a[-1] ** 2
        variance = own - (half**2).sum(0)
        if pending is not None and len(pending):
            _, _, _, trial, noise = self._parts(self._theta)
            there = solve_triangular(self._factor, self._cross(pending).T, lower=True)
            among = COMMON**2 + LEVEL**2 + self._a[-1] ** 2 * matern(pending, pending, self._length)[0]
            among = among - there.T @ there + (trial[-1] ** 2 + noise[-1] ** 2) * np.eye(len(pending))
            to = COMMON**2 + LEVEL**2 + self._a[-1] ** 2 * matern(places, pending, self._length)[0] - half.T @ there
            variance = variance - (solve_triangular(np.linalg.cholesky(among), to.T, lower=True) ** 2).sum(0)
        mean = self._centre + UNIT * (cross @ self._weights)
        return mean, UNIT * np.sqrt(np.maximum(variance, 1e-9))

    def _cross(self, places: Array) -> Array:
        """Covariances [M, N] of the score at the end at `places` with the values that are known."""
        likeness = matern(places, self._places, self._length)[0]
        at_end = self._levels == self._count - 1
        return COMMON**2 + LEVEL**2 * at_end[None, :] + likeness * (self._a[-1] * self._a[self._levels])[None, :]

    def _set_prior(self, prior: Prior) -> None:
        early = self._count - 1
        self._centres = np.log(
            np.concatenate(
                [
                    np.full(self._fields, prior.length),
                    [prior.surface],
                    prior.surface * np.linspace(0.7, 1.0, early),
                    np.full(early, prior.other),
                    np.full(self._count, prior.trial),
                    np.full(self._count, prior.noise),
                ]
            )
        )
        kinds = [1.0] * self._fields + [0.2] + [0.16] * early + [0.2] * early + [0.16] * (2 * self._count)
        self._widths = np.array(kinds)

    def _parts(self, theta: Array) -> tuple[Array, Array, Array, Array, Array]:
        """Length scales [D], and by level a, b, u and s."""
        fields, early = self._fields, self._count - 1
        sizes = np.cumsum([fields, 1, early, early, self._count])
        length, end, before, other, trial, noise = np.split(np.exp(theta), sizes)
        return length, np.concatenate([before, end]), np.concatenate([other, [0.0]]), trial, noise

    def _covariance(self, theta: Array) -> tuple[Array, Array, Array, Array, Array]:
        """The values' covariance [N, N], the Matern kernel and its slope, and the parts of a, b and of the trials."""
        length, a, b, trial, noise = self._parts(theta)
        likeness, slope = matern(self._places, self._places, length)
        by_level = [np.outer(of[self._levels], of[self._levels]) for of in (a, b, trial)]
        both, trials = by_level[0] + by_level[1], by_level[2] * self._same_trial
        whole = self._means + likeness * both + trials
        whole[np.diag_indices_from(whole)] += noise[self._levels] ** 2 + NUGGET
        return whole, likeness, slope, by_level[0], trials

    def _fitted(self) -> Array:
        bounds = list(zip(self._centres - 3 * self._widths, self._centres + 3 * self._widths, strict=True))
        found = minimize(
            self._loss, self._centres, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": STEPS}
        )
        return np.asarray(found.x, dtype=np.float64)

    def _loss(self, theta: Array) -> tuple[float, Array]:
        """The negative log posterior density of the hyper-parameters, without constants, and its gradient."""
        length, _, b, _, noise = self._parts(theta)
        whole, likeness, slope, of_a, of_trials = self._covariance(theta)
        factor, trouble = lapack.dpotrf(whole, lower=1)
        if trouble:
            return 1e10, np.zeros_like(theta)
        weights = cho_solve((factor, True), self._scores)
        inverse = lapack.dpotri(factor, lower=1)[0]
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        off = (theta - self._centres) / self._widths
        loss = 0.5 * self._scores @ weights + np.log(np.diag(factor)).sum() + 0.5 * off @ off
        outer = np.outer(weights, weights) - inverse
        of_b = np.outer(b[self._levels], b[self._levels])
        apart = (self._places[:, None, :] - self._places[None, :, :]) / length
        by_length = 0.5 * np.einsum("nm,nmd->d", outer * (of_a + of_b) * slope, apart**2)
        a, other = (self._by_level((outer * likeness * of).sum(1)) for of in (of_a, of_b))
        trial = self._by_level((outer * of_trials).sum(1))
        noises = self._by_level(np.diag(outer) * noise[self._levels] ** 2)
        rises = np.concatenate([by_length, a[-1:], a[:-1], other[:-1], trial, noises])
        return float(loss), off / self._widths - rises

    def _by_level(self, values: Array) -> Array:
        return np.bincount(self._levels, values, minlength=self._count)


def matern(places: Array, others: Array, length: Array) -> tuple[Array, Array]:
    """The Matern 5/2 kernel [N, M], and the factor that, times squared scaled distances, is its slope by log length."""
    distance = np.sqrt(5 * (((places[:, None, :] - others[None, :, :]) / length) ** 2).sum(-1) + 1e-12)
    decay = np.exp(-distance)
    return (1 + distance + distance**2 / 3) * decay, 5 / 3 * (1 + distance) * decay
