"""How well the generator's curves fit real ones: statistics of both, side by side.

Real are the recorded table (random configurations in six cells each) and the published searches with their
confirmations (100 configurations in one cell at epochs 1 and 2, and the best few on 20 seeds). The generator is sampled
as they were: as many configurations, the same cells. Its spread is over surfaces.

    python tests/replay/calibrate.py
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
from curve_space import ZERO
from curve_table import read_recorded
from curves import EPOCHS, LAWS, SPACE, Generator, Law, Regime, Score
from rich.console import Console
from rich.table import Table
from scipy.stats import kendalltau

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = {"900:100": "fmnist-90-10", "980:20": "fmnist-98-2"}
CELLS = 6
SCORES = ["probe", "min", "eff", "soft"]
Statistics = dict[str, float]


@dataclass(frozen=True)
class Sample:
    """Scores of configurations by cell; cell 0 is the same for all, the others are each configuration's own."""

    validation: np.ndarray  # [configurations, cells, epochs], the last epoch's of the whole trial
    test: np.ndarray  # [configurations, cells], of the whole trial


@dataclass(frozen=True)
class Confirmed:
    """The best few of a search on the same seeds."""

    validation: np.ndarray  # [seeds, configurations]
    test: np.ndarray


def recorded(table: Path, regime: str, score: Score) -> Sample:
    """The recorded table's whole configurations."""
    estimator: Score = "eff" if score == "soft" else score
    found = read_recorded(table, regime, estimator, "balanced_accuracy")
    seen = read_recorded(table, regime, estimator, "soft_accuracy") if score == "soft" else found
    return Sample(np.array([one.validation for one in seen.values()]), np.array([one.test for one in found.values()]))


def simulated(seed: int, regime: Regime, score: Score, law: Law, configurations: int) -> Sample:
    """Random configurations of one surface."""
    own, shared = (Generator(seed, regime, score=score, cells=cells, law=law) for cells in ("own", "shared"))
    units = np.random.default_rng([seed, 99]).random((configurations, len(SPACE)))
    values = [own.from_units(row) for row in units]
    trials = [
        [(shared, values[row], 0), *((own, values[row], row * CELLS + cell) for cell in range(1, CELLS))]
        for row in range(configurations)
    ]
    return Sample(
        np.array([[curves.curve(*trial) for curves, *trial in row] for row in trials]),
        np.array([[curves.test(*trial) for curves, *trial in row] for row in trials]),
    )


def statistics(sample: Sample) -> Statistics:
    """Of configurations in cells. Trials that failed count in the failing share alone."""
    failed = np.isnan(sample.validation).any(2)
    whole = ~failed.any(1)
    validation, test = sample.validation[whole], sample.test[whole]
    own, own_test = validation[:, 1:], test[:, 1:]
    made: Statistics = {"failing share of trials": float(failed.mean())}
    made["mean test score"] = test.mean()
    by_cell = own_test.std(1, ddof=1)
    made["sd between seeds, test, pooled"] = np.sqrt((by_cell**2).mean())
    made["sd between seeds, test, median configuration"] = np.median(by_cell)
    made["sd between seeds, test, worst tenth of configurations"] = np.quantile(by_cell, 0.9)
    for epoch in (1, 2, 6, EPOCHS):
        made[f"sd between seeds, validation, epoch {epoch}"] = np.sqrt(own[:, :, epoch - 1].var(1, ddof=1).mean())
    made["sd between configurations' means, test"] = own_test.mean(1).std(ddof=1)
    for epoch in (1, 2, 6):
        made[f"sd between configurations' means, validation, epoch {epoch}"] = own[:, :, epoch - 1].mean(1).std(ddof=1)
    for share in (0.1, 0.25, 0.75, 0.9):
        made[f"{share:.0%} quantile of means less the median, test"] = np.quantile(own_test.mean(1), share) - np.median(
            own_test.mean(1)
        )
    made |= {
        f"mean of validation at epoch {epoch} less at the last": (own[:, :, epoch - 1] - own[:, :, -1]).mean()
        for epoch in (1, 2, 6, 12)
    }
    flat = own.reshape(-1, EPOCHS)
    for epoch in (2, 6, 15):
        made[f"correlation of trials' values, epoch {epoch} with the last"] = correlation(
            flat[:, epoch - 1], flat[:, -1]
        )
    for epoch in (2, 6):
        made[f"correlation of trials' values, epoch {epoch} with 15"] = correlation(flat[:, epoch - 1], flat[:, 14])
    for epoch in (2, 6):
        made[f"correlation within configurations, epoch {epoch} with the last"] = within(
            own[:, :, epoch - 1], own[:, :, -1]
        )
    made["correlation within configurations, last validation with test"] = within(own[:, :, -1], own_test)
    for epoch in (2, 6):
        made[f"share of crossings of trials, epoch {epoch} to the last"] = crossings(flat[:, epoch - 1], flat[:, -1])
        made[f"share of crossings of means, epoch {epoch} to the last"] = crossings(
            own[:, :, epoch - 1].mean(1), own[:, :, -1].mean(1)
        )
    for epoch in (1, 5, 10, 14):
        made[f"sd of a step, epoch {epoch} to {epoch + 1}"] = np.sqrt((flat[:, epoch] - flat[:, epoch - 1]).var(ddof=1))
    for epoch in (2, 6, EPOCHS):
        taus = [tau_with_others(validation, test, cell, epoch) for cell in range(CELLS)]
        made[f"tau of epoch {epoch} with the other cells' mean test score, shared cell"] = taus[0]
        made[f"tau of epoch {epoch} with the other cells' mean test score, own cells"] = float(np.mean(taus[1:]))
    return {name: float(value) for name, value in made.items()}


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's."""
    return float(np.corrcoef(one, other)[0, 1])


def within(one: np.ndarray, other: np.ndarray) -> float:
    """The correlation [configurations, cells] that is left without the configurations' means."""
    return correlation((one - one.mean(1, keepdims=True)).ravel(), (other - other.mean(1, keepdims=True)).ravel())


def crossings(early: np.ndarray, late: np.ndarray) -> float:
    """The share of pairs that change places; ties count half."""
    one, other = np.triu_indices(len(early), 1)
    product = np.sign(early[one] - early[other]) * np.sign(late[one] - late[other])
    return float((1 - product.mean()) / 2)


def tau_with_others(validation: np.ndarray, test: np.ndarray, cell: int, epoch: int) -> float:
    """Kendall's tau over configurations of one cell's value with the mean test score of the other own cells."""
    others = [other for other in range(1, CELLS) if other != cell]
    return float(kendalltau(validation[:, cell, epoch - 1], test[:, others].mean(1)).statistic)


def published(regime: str) -> tuple[np.ndarray, Confirmed]:
    """The published search's validation scores at epochs 1 and 2 [trials, 2], and its confirmation."""
    folder = ROOT / "results" / PUBLISHED[regime]
    epochs = pd.read_csv(folder / "tables" / "epochs.csv")
    early = epochs.pivot_table(index="trial", columns="epoch", values="val_balanced_accuracy")[[1, 2]].dropna()
    scores = json.loads((folder / "confirm-1" / "verdict.json").read_text(encoding="utf-8"))["scores"]
    val, test = (pd.DataFrame(scores[f"{split}_balanced_accuracy"]) for split in ("val", "test"))
    return early.to_numpy(), Confirmed(val[test.columns].to_numpy(), test.to_numpy())


def as_published(seed: int, regime: Regime, law: Law) -> tuple[np.ndarray, Confirmed]:
    """The same of one surface: 25 random configurations of each family in a shared cell; the families' best in 20."""
    shared = Generator(seed, regime, cells="shared", law=law)
    rng = np.random.default_rng([seed, 98])
    units = rng.random((100, len(SPACE)))
    for field, is_zero in ((0, np.arange(100) % 2 == 0), (1, np.arange(100) // 2 % 2 == 0)):
        units[:, field] = np.where(is_zero, 0.0, ZERO + (1 - ZERO) * units[:, field])
    values = [shared.from_units(row) for row in units]
    curves = np.array([shared.curve(one, 0) for one in values])
    families = [(one["loss.eta"] > 0, one["loss.gamma"] > 0) for one in values]
    best = [
        max((row for row in range(100) if families[row] == family), key=lambda row: np.nan_to_num(curves[row, -1]))
        for family in sorted(set(families))
    ]
    cells = [Generator(seed, regime, cells="shared", cell=cell, law=law) for cell in range(1, 21)]
    return curves[~np.isnan(curves).any(1), :2], Confirmed(
        np.array([[cell.curve(values[row], 0)[-1] for row in best] for cell in cells]),
        np.array([[cell.test(values[row], 0) for row in best] for cell in cells]),
    )


def published_statistics(early: np.ndarray, confirmed: Confirmed) -> Statistics:
    """Of a search in one cell, and of its best few."""
    pairs = list(combinations(range(confirmed.test.shape[1]), 2))
    return {
        "100 in one cell: sd at epoch 1": early[:, 0].std(ddof=1),
        "100 in one cell: sd at epoch 2": early[:, 1].std(ddof=1),
        "100 in one cell: correlation of epochs 1 and 2": correlation(early[:, 0], early[:, 1]),
        "100 in one cell: sd of a step, epoch 1 to 2": (early[:, 1] - early[:, 0]).std(ddof=1),
        "the chosen few: mean test score": confirmed.test.mean(),
        "the chosen few: sd between seeds, test": np.sqrt(confirmed.test.var(0, ddof=1).mean()),
        "the chosen few: sd between seeds, validation": np.sqrt(confirmed.validation.var(0, ddof=1).mean()),
        "the chosen few: correlation of validation with test": within(confirmed.validation.T, confirmed.test.T),
        "the chosen few: correlation of two on the same seeds": float(
            np.mean([correlation(confirmed.test[:, one], confirmed.test[:, other]) for one, other in pairs])
        ),
    }


def rows(real: Statistics, made: list[Statistics]) -> Iterator[tuple[str, str, str, str]]:
    """Name, real value, the generator's mean and spread, and the share of surfaces that lie below the real one."""
    for name, value in real.items():
        of_it = np.array([one[name] for one in made])
        below = (of_it < value).mean() + (of_it == value).mean() / 2
        yield name, f"{value:.4f}", f"{of_it.mean():.4f} ± {of_it.std(ddof=1):.4f}", f"{below:.2f}"


def fit(table: Path, regime: Regime, score: Score, seeds: int) -> Table:
    """Real and generated statistics of one regime and score."""
    law, sample = LAWS[regime, score], recorded(table, regime, score)
    count = len(sample.test)
    made = [statistics(simulated(seed, regime, score, law, count)) for seed in range(seeds)]
    parts = [(statistics(sample), made)]
    if score == "probe":  # as the published searches had it
        few = [published_statistics(*as_published(seed, regime, law)) for seed in range(max(3, seeds // 3))]
        parts.append((published_statistics(*published(regime)), few))
    title = f"{regime}, {score}: {count} recorded configurations, {seeds} surfaces"
    columns = Table("statistic", "real", "generator", "surfaces below", title=title)
    for real, generated in parts:
        for row in rows(real, generated):
            columns.add_row(*row)
        columns.add_section()
    return columns


def joined_parts(parts: Path) -> Path:
    """A table of what has been recorded so far, in a temporary folder."""
    from record import joined  # torch and the product, which only this needs

    table = Path(tempfile.mkdtemp()) / "curves.parquet"
    joined(parts, table).to_parquet(table, index=False)
    return table


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, default=ROOT / "results" / "curves" / "curves.parquet")
    parser.add_argument(
        "--parts", type=Path, default=None, help="of a recording that is under way, in place of a table"
    )
    parser.add_argument("--scores", choices=SCORES, nargs="+", default=SCORES)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--out", type=Path, default=None, help="a text file for what is printed")
    given = parser.parse_args()
    console = Console(width=130, record=True)
    if given.parts is not None:
        given.table = joined_parts(given.parts)
    for score, regime in product(given.scores, PUBLISHED):
        console.print(fit(given.table, regime, score, given.seeds))
    if given.out is not None:
        console.save_text(str(given.out))


if __name__ == "__main__":
    main()
