"""What a search's last step is worth: regret with and without it, on the same simulated searches.

Our own search (TPE and ASHA, one slot) runs on surfaces of the generator, all of its trials in one cell, as a search's
trials share one split and one initialisation. After so many epochs it chooses the trial with the best score; or its
last step runs the best few again on fresh cells, the same for all, and the best mean chooses. The last step's epochs
can also be given to the search instead: that is the comparison at equal cost.

    python tests/replay/final_step.py --seeds 200
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from statistics import mean, stdev

from curves import CurveFailed, Generator, Regime
from played import Told, play, spec_of
from rich.console import Console
from rich.progress import track
from rich.table import Table as Columns
from scipy import stats

REGIMES: tuple[Regime, ...] = ("900:100", "980:20")
BUDGETS = (160, 320)  # epochs
STEPS = ((4, 3), (2, 3), (8, 3), (4, 1), (4, 6))  # how many of the best, on how many fresh seeds
LARGEST = 4 * 3  # runs of the product's own last step


@dataclass(frozen=True)
class Found:
    """Regrets of one seed after a budget."""

    alone: float  # of the search's own first
    longer: float  # of the same with as many epochs more as the product's last step takes
    steps: tuple[float, ...]  # of STEPS


def finished(told: Sequence[Told], epochs: int) -> list[Told]:
    """The ends of the trials that had finished after so many epochs, best first; of equals the earlier."""
    ends = [one for one in told[:epochs] if one.value is not None]
    furthest = max((one.epoch for one in ends), default=0)
    return sorted((one for one in ends if one.epoch == furthest), key=lambda one: (-(one.value or 0), one.trial))


def mean_on_fresh_cells(one: Told, fresh: Sequence[Generator]) -> float:
    """The mean final score of a configuration; minus infinity where it fails on one."""
    try:
        return mean(cell.value(one.values, one.trial, cell.epochs) for cell in fresh)
    except CurveFailed:
        return float("-inf")


def compare(seed: int, regime: Regime) -> dict[int, Found]:
    """By budget, what one search comes to."""
    curves = Generator(seed, regime, cells="shared", cell=0)
    more = LARGEST * curves.epochs
    spec = spec_of(curves, seed, 10_000)
    _, played = play(curves, spec, most_epochs=max(BUDGETS) + more)
    fresh = [Generator(seed, regime, cells="shared", cell=cell) for cell in range(1, 1 + max(n for _, n in STEPS))]

    def regret(one: Told) -> float:
        return curves.best - curves.truth(one.values)

    found = {}
    for budget in BUDGETS:
        ranked = finished(played.told, budget)
        steps = []
        for top, seeds in STEPS:
            score = partial(mean_on_fresh_cells, fresh=fresh[:seeds])
            steps.append(regret(max(ranked[:top], key=score)))  # of equals the one that the search had before
        found[budget] = Found(regret(ranked[0]), regret(finished(played.told, budget + more)[0]), tuple(steps))
    return found


def paired(differences: Sequence[float]) -> str:
    """Mean and 95 % interval of paired differences, in 1/10,000."""
    half = stats.t.ppf(0.975, len(differences) - 1) * stdev(differences) / len(differences) ** 0.5
    middle = mean(differences)
    return f"{1e4 * middle:+.0f} ({1e4 * (middle - half):+.0f} to {1e4 * (middle + half):+.0f})"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    work = [(seed, regime) for regime in REGIMES for seed in range(given.first, given.first + given.seeds)]
    found = {}
    with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(compare, *one): one for one in work}
        for done in track(as_completed(waiting), total=len(waiting)):
            found[waiting[done]] = done.result()
    title = f"regret in 1/10,000, and paired differences with 95 % intervals, over {given.seeds} seeds"
    columns = Columns("curves", "epochs", "choice", "regret", "to the search alone", "to as long a search", title=title)
    for regime in REGIMES:
        for budget in BUDGETS:
            these = [of[budget] for (_, where), of in found.items() if where == regime]
            alone, longer = [one.alone for one in these], [one.longer for one in these]
            rows = [("the search alone", alone), (f"the search, {LARGEST} runs longer", longer)]
            names = [f"best {top} on {seeds} fresh seeds" for top, seeds in STEPS]
            rows += [(name, [one.steps[place] for one in these]) for place, name in enumerate(names)]
            for place, (name, regrets) in enumerate(rows):
                to_alone = paired([x - y for x, y in zip(regrets, alone, strict=True)]) if place else ""
                # only the product's own step takes as many epochs as the longer search had
                to_longer = paired([x - y for x, y in zip(regrets, longer, strict=True)]) if place == 2 else ""
                columns.add_row(regime, str(budget), name, f"{1e4 * mean(regrets):.0f}", to_alone, to_longer)
    Console(width=130).print(columns)


if __name__ == "__main__":
    main()
