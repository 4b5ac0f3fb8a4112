"""Recorded learning curves, played back."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from curve_space import EPOCHS, SPACE, CurveFailed, Regime, Score, Values, epoch_seconds

CHANCE = 0.5  # the score of what fails


class Table:
    """Recorded curves, played back: a search sees three cells of each configuration, and is judged by the other three.

    Which three, and which of them a trial sees, is drawn from the seed. Only the table's configurations can be tried,
    each once: ask `nearest` what to try in place of a proposal.

    Args:
        path: of the recorded table (Parquet), or of what `as_numpy` made of it. A configuration counts where all its
            cells are recorded.
        regime: whose trials.
        seed: of the draws.
        score: the estimator; the product's is `eff`. `probe` takes the final classifier's score at the last epoch, as
            with `solver: adamw`.
        half: 0 for even configurations, where searches are developed; 1 for odd ones, where they are judged once; None
            for all.
        metric: a column of scores, the larger the better.

    Raises:
        ValueError: no configuration is whole.
    """

    def __init__(
        self,
        path: str | Path,
        regime: Regime,
        seed: int,
        *,
        score: Score = "eff",
        half: int | None = 0,
        metric: str = "balanced_accuracy",
    ) -> None:
        self.space, self.epochs, self._seed = SPACE, EPOCHS, seed
        self._source, self._regime, self._half = path, regime, half
        recorded = read_recorded(path, regime, score, metric)
        numbers = sorted(number for number in recorded if half is None or number % 2 == half)
        if not numbers:
            raise ValueError(f"{path} has no whole configuration at {regime} in half {half}")
        rng = np.random.default_rng([seed, 6])
        self._configurations = [recorded[number] for number in numbers]
        cells = range(len(self._configurations[0].validation))
        self._order = np.array([rng.permutation(cells) for _ in numbers])  # the first half of a row is seen
        self._place = {one.key: row for row, one in enumerate(self._configurations)}
        self._units = np.array([self._to_units(one.values) for one in self._configurations])
        self._untried = np.ones(len(numbers), dtype=bool)
        self.truths = np.array([one.test[self._unseen(row)].mean() for row, one in enumerate(self._configurations)])
        self.best = float(self.truths.max())

    def scored_by(self, score: Score) -> "Table":
        """The same cells with another score; `soft` is the soft balanced accuracy of the product's estimator."""
        told, metric = ("eff", "soft_accuracy") if score == "soft" else (score, "balanced_accuracy")
        return Table(self._source, self._regime, self._seed, score=told, half=self._half, metric=metric)

    def nearest(self, values: Values) -> dict[str, float]:
        """The untried configuration that is nearest in the unit cube; from now on it is tried.

        Raises:
            LookupError: all have been tried.
        """
        if not self._untried.any():
            raise LookupError(f"all {len(self._untried)} configurations of the table have been tried")
        apart = ((self._units - self._to_units(values)) ** 2).sum(1)
        row = int(np.where(self._untried, apart, np.inf).argmin())
        self._untried[row] = False
        return dict(self._configurations[row].values)

    def value(self, values: Values, trial: int, epoch: int) -> float:
        """The recorded validation score of the trial's cell. Raises CurveFailed from where its training failed."""
        row = self._row(values)
        score = float(self._configurations[row].validation[self.cell(row, trial), epoch - 1])
        if score != score:
            raise CurveFailed(f"the recorded trial failed at epoch={epoch}")
        return score

    def cell(self, row: int, trial: int) -> int:
        """Which of the seen cells of the configuration in a row a trial sees."""
        seen = self._order[row, : self._order.shape[1] // 2]
        return int(seen[np.random.default_rng([self._seed, 7, trial]).integers(len(seen))])

    def seconds(self, values: Values, epoch: int) -> float:
        """How long that epoch takes, as in the generator."""
        return epoch_seconds(epoch, self.epochs)

    def truth(self, values: Values) -> float:
        """The mean test score of the cells that no search sees; a cell whose training failed counts as chance."""
        return float(self.truths[self._row(values)])

    def ceiling(self) -> float:
        """The truth of what the best choice from all that may be seen picks: by the mean of the three seen cells."""
        seen = [
            one.final[self._order[row, : self._order.shape[1] // 2]] for row, one in enumerate(self._configurations)
        ]
        return float(self.truths[int(np.mean(seen, axis=1).argmax())])

    def _unseen(self, row: int) -> np.ndarray:
        return self._order[row, self._order.shape[1] // 2 :]

    def _row(self, values: Values) -> int:
        return self._place[tuple(values[path] for path in SPACE)]

    def _to_units(self, values: Values) -> np.ndarray:
        return np.array([field.to_unit(values[path]) for path, field in SPACE.items()])


@dataclass(frozen=True)
class Recorded:
    """One configuration's scores by cell."""

    values: dict[str, float]
    validation: np.ndarray  # [cells, epochs], nan from where training failed
    test: np.ndarray  # [cells], of the whole trial

    @property
    def key(self) -> tuple[float, ...]:
        """The values in the space's order."""
        return tuple(self.values[path] for path in SPACE)

    @property
    def final(self) -> np.ndarray:
        """Validation scores [cells] of the whole trial, chance where it failed."""
        final: np.ndarray = np.nan_to_num(self.validation[:, -1], nan=CHANCE)
        return final


def read_recorded(path: str | Path, regime: str, score: Score, metric: str, cells: int = 6) -> dict[int, Recorded]:
    """The whole configurations of a recorded table, by number: those of which each cell ended or failed."""
    if str(path).endswith(".npz"):
        return _from_numpy(path, _key(regime, score, metric))
    from pyarrow import parquet  # the generator does without

    columns = ["regime", "configuration", "cell", "epoch", "estimator", "split", "failure", *SPACE, metric]
    rows = parquet.read_table(path, columns=columns, filters=[("regime", "=", regime)]).to_pydict()
    validation: dict[int, np.ndarray] = {}
    test: dict[int, np.ndarray] = {}
    values: dict[int, dict[str, float]] = {}
    ended: set[tuple[int, int]] = set()
    for number, cell, epoch, estimator, split, failure, *searched, found in zip(
        *(rows[one] for one in columns[1:]), strict=True
    ):
        values.setdefault(number, dict(zip(SPACE, searched, strict=True)))
        curve = validation.setdefault(number, np.full((cells, EPOCHS), np.nan))
        at_end = test.setdefault(number, np.full(cells, CHANCE))
        is_final = estimator == ("final" if score == "probe" else score) and epoch == EPOCHS
        if failure is not None or is_final:
            ended.add((number, cell))
        if is_final and split == "test":
            at_end[cell] = found
        elif split == "val" and (is_final or (estimator == score and 0 < epoch < EPOCHS)):
            curve[cell, epoch - 1] = found
    whole = [number for number in values if all((number, cell) in ended for cell in range(cells))]
    return {number: Recorded(values[number], validation[number], test[number]) for number in whole}


def as_numpy(path: str | Path, out: Path, regimes: Sequence[Regime]) -> Path:
    """Write what a search needs of a recorded table for environments without pyarrow, and give its path."""
    arrays: dict[str, np.ndarray] = {}
    for regime in regimes:
        for metric in ("balanced_accuracy", "soft_accuracy"):
            recorded, key = read_recorded(path, regime, "eff", metric), _key(regime, "eff", metric)
            arrays[f"{key} numbers"] = np.array(list(recorded))
            arrays[f"{key} values"] = np.array([one.key for one in recorded.values()])
            arrays[f"{key} validation"] = np.array([one.validation for one in recorded.values()])
            arrays[f"{key} test"] = np.array([one.test for one in recorded.values()])
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, **arrays)
    return out


def _from_numpy(path: str | Path, key: str) -> dict[int, Recorded]:
    with np.load(path) as kept:
        numbers, *parts = (kept[f"{key} {part}"] for part in ("numbers", "values", "validation", "test"))
    return {
        int(number): Recorded(dict(zip(SPACE, map(float, values), strict=True)), validation, test)
        for number, values, validation, test in zip(numbers, *parts, strict=True)
    }


def _key(regime: Regime, score: Score, metric: str) -> str:
    return f"{regime} {score} {metric}"
