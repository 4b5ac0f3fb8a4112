"""By which value a search should decide, and whether its trials should share a split: on the recorded table.

    python tests/replay/deciding.py [--table TABLE] [--parts FOLDER] [--page PAGE]

Random searches are drawn from the table's configurations: each takes SEARCH of them in a random order, stops them by
ASHA's rule at the demo's rungs, and ranks those that came to the end. Rungs and ranking go by one value of the
estimator `eff` on the validation images: balanced accuracy, AUROC, balanced log loss, or soft balanced accuracy, which
is the mean probability of the true class. Either all trials run in cell 0, whose split and initialisation they share,
or each in a cell of its own. What a search is worth is the mean balanced accuracy on the test images that its first
configuration has in its other cells; its regret is what it lacks to the best of those that it tried.

Folds are looked at apart: a trial that runs in K cells of its own and goes by the means of their values costs K times
as much, so its search has SEARCH / K configurations, the first of the same order.

All values see the same searches, so their differences are paired. An interval holds 95 % of REPETITIONS repetitions,
each with a random half of the configurations, whose means vary as much as those of as many fresh configurations would
(half-samples, McCarthy 1969): it tells how much hangs on these configurations. A stop is false where the configuration
was the best of its search by the test images of its other cells.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from played import TPE_AND_ASHA
from probe_order import asked, recorded, whole
from record import CONFIGURATIONS, TABLE
from rich.progress import track

from search.algorithms.asha import Asha, rung_epochs
from spaces.spec import load_spec

SEARCH = 12  # configurations in a search
SEARCHES, REPETITIONS = 300, 100
VALUES = {  # by their name as `search.decide_by` has it: the table's column, and its sign
    "metric": ("balanced_accuracy", 1.0),
    "auroc": ("auroc", 1.0),
    "balanced_log_loss": ("log_loss", -1.0),
    "soft_balanced_accuracy": ("soft_accuracy", 1.0),
}
ARMS = ("shared", "own")
FOLDS = (1, 2, 3)
FOLDED = ("metric", "soft_balanced_accuracy")
REDUCTION = load_spec("demo").search.scheduler.reduction
PAGE = TABLE.parents[1] / "bench" / "deciding.md"


@dataclass(frozen=True)
class Curves:
    """One regime's table as arrays over configurations and cells."""

    rungs: dict[str, np.ndarray]  # by value: [rungs and the end, configurations, cells], larger is better
    tests: np.ndarray  # [configurations, cells]: the test score

    @property
    def truth(self) -> np.ndarray:
        """[configurations, cells]: the mean test score in the other cells."""
        return (self.tests.sum(axis=1, keepdims=True) - self.tests) / (self.tests.shape[1] - 1)


def curves_of(rows: pd.DataFrame) -> Curves:
    """Of the rows of one regime and of configurations that have all cells."""
    rows = rows[rows["estimator"] == "eff"]
    last = int(rows["epoch"].max())
    test = rows[(rows["epoch"] == last) & (rows["split"] == "test")]
    tests = test.pivot(index="configuration", columns="cell", values="balanced_accuracy")
    epochs = (*rung_epochs(load_spec("demo", TPE_AND_ASHA)), last)
    rungs = {}
    for name, (column, sign) in VALUES.items():
        at = [
            rows[(rows["epoch"] == epoch) & (rows["split"] == "val")]
            .pivot(index="configuration", columns="cell", values=column)
            .reindex(tests.index)
            .to_numpy()
            for epoch in epochs
        ]
        rungs[name] = sign * np.stack(at)
    return Curves(rungs, tests.to_numpy())


@dataclass(frozen=True)
class Outcome:
    """What one search came to."""

    first: int  # the place of the configuration that it ranks first
    regret: float
    false_stop: bool


def search(values: np.ndarray, truth: np.ndarray) -> Outcome:
    """A random search over configurations in their order.

    values: [rungs and the end, configurations], of what decides. truth: [configurations].
    """
    asha = Asha(tuple(range(1, len(values))), REDUCTION)
    stopped = np.zeros(len(truth), dtype=bool)
    for number in range(len(truth)):
        for rung in range(len(values) - 1):
            decision = asha.decide(number, rung + 1, float(values[rung, number]), exempt=False)
            assert decision is not None, "every rung decides"
            asha.record(decision)
            if decision.action == "stop":
                stopped[number] = True
                break
    ended = np.where(stopped, -np.inf, values[-1])
    return Outcome(int(ended.argmax()), float(truth.max() - truth[ended.argmax()]), bool(stopped[truth.argmax()]))


def folded(curves: Curves, pool: Sequence[int], draws: np.random.Generator, searches: int) -> np.ndarray:
    """Mean regrets [folds, values] at equal cost: what the choice lacks to the best of the SEARCH drawn configurations.

    A configuration's truth is its mean test score in the cells that its trial did not run in.
    """
    own = range(1, curves.tests.shape[1])  # no cell that all share
    total = np.zeros((len(FOLDS), len(FOLDED)))
    for _ in range(searches):
        chosen = draws.choice(np.asarray(pool), SEARCH, replace=False)
        order = 1 + np.argsort(draws.random((SEARCH, len(own))), axis=1)  # of each one's cells
        tests = np.take_along_axis(curves.tests[chosen], order, axis=1)
        best = float(tests.mean(axis=1).max())
        for row, folds in enumerate(FOLDS):
            some = slice(SEARCH // folds)
            truth = tests[some, folds:].mean(axis=1)
            for column, name in enumerate(FOLDED):
                seen = np.take_along_axis(curves.rungs[name][:, chosen], order[None], axis=2)[:, some, :folds]
                total[row, column] += best - truth[search(seen.mean(axis=2), truth).first]
    return total / searches


def folds_of(curves: Curves, regime: str) -> Iterator[str]:
    """The rows of one regime in Markdown: folds at equal cost."""
    count = len(curves.tests)
    whole_pool = folded(curves, range(count), np.random.default_rng(0), SEARCHES * 10)
    repeats = []
    for number in track(range(REPETITIONS), description=f"{regime}, folds"):
        draws = np.random.default_rng((2, number))
        repeats.append(folded(curves, draws.permutation(count)[: count // 2], draws, SEARCHES))
    low, high = np.quantile(np.stack(repeats) - np.stack(repeats)[:, :1], [0.025, 0.975], axis=0)
    for row, folds in enumerate(FOLDS):
        for column, name in enumerate(FOLDED):
            regret, less = whole_pool[row, column], whole_pool[row, column] - whole_pool[0, column]
            to_one = f"{1e4 * less:+.0f} ({1e4 * low[row, column]:+.0f} to {1e4 * high[row, column]:+.0f})"
            against = "" if folds == 1 else to_one
            yield f"| {regime} | {folds} | {SEARCH // folds} | {name} | {1e4 * regret:.0f} | {against} |"


def played(curves: Curves, pool: Sequence[int], draws: np.random.Generator, searches: int) -> np.ndarray:
    """Mean regrets and shares of false stops [arms, values, 2] of searches over a pool of configurations."""
    cells = curves.truth.shape[1]
    total = np.zeros((len(ARMS), len(VALUES), 2))
    for _ in range(searches):
        chosen = draws.choice(np.asarray(pool), SEARCH, replace=False)
        for arm, name in enumerate(ARMS):
            cell = np.zeros(SEARCH, dtype=int) if name == "shared" else draws.integers(1, cells, SEARCH)
            truth = curves.truth[chosen, cell]
            for place, values in enumerate(curves.rungs.values()):
                found = search(values[:, chosen, cell], truth)
                total[arm, place] += found.regret, found.false_stop
    return total / searches


def table_of(curves: Curves, regime: str) -> Iterator[str]:
    """The rows of one regime in Markdown."""
    count = len(curves.truth)
    whole_pool = played(curves, range(count), np.random.default_rng(0), SEARCHES * 10)
    repeats = []
    for number in track(range(REPETITIONS), description=regime):
        draws = np.random.default_rng((1, number))
        pool = draws.permutation(count)[: count // 2]
        repeats.append(played(curves, pool, draws, SEARCHES))
    spread = np.stack(repeats)
    for arm, arm_name in enumerate(ARMS):
        for place, name in enumerate(VALUES):
            regret, false = whole_pool[arm, place]
            difference = whole_pool[arm, place, 0] - whole_pool[0, 0, 0]
            low, high = np.quantile(spread[:, arm, place, 0] - spread[:, 0, 0, 0], [0.025, 0.975])
            against = (
                "" if (arm, place) == (0, 0) else f"{1e4 * difference:+.0f} ({1e4 * low:+.0f} to {1e4 * high:+.0f})"
            )
            yield f"| {regime} | {count} | {arm_name} | {name} | {1e4 * regret:.0f} | {against} | {false:.0%} |"


def in_numbers(text: str) -> str:
    """A paragraph on one line, the constants in it told."""
    for name, value in (("SEARCHES", SEARCHES), ("SEARCH", SEARCH), ("REPETITIONS", REPETITIONS)):
        text = text.replace(name, str(value))
    return " ".join(text.split())


def main() -> None:
    """Write the page and print it."""
    given = asked(__doc__, PAGE)
    rows = whole(recorded(given.table, given.parts))
    lines = [
        "# What decides, and a split for each trial",
        "",
        *(line for text in (__doc__ or "").split("\n\n")[2:5] for line in (in_numbers(text), "")),
        "Regret and differences are in 1/10,000 of balanced accuracy; differences are to `metric` on a shared split.",
        "",
        "| regime | configurations | trials' cell | decided by | regret | difference | false stops |",
        "|---|---|---|---|---|---|---|",
    ]
    for regime, of_regime in rows.groupby("regime"):
        lines += table_of(curves_of(of_regime), str(regime))
    lines += ["", "Folds at equal cost; the differences are to one cell a trial, decided by the same value.", ""]
    lines += [
        "| regime | cells of a trial | configurations | decided by | regret | difference |",
        "|---|---|---|---|---|---|",
    ]
    for regime, of_regime in rows.groupby("regime"):
        lines += folds_of(curves_of(of_regime), str(regime))
    if min(of_regime["configuration"].nunique() for _, of_regime in rows.groupby("regime")) < CONFIGURATIONS:
        lines += ["", f"The whole table is to have {CONFIGURATIONS} configurations."]
    given.page.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
