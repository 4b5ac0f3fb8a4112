"""What our own search makes of known curves, in a minute: its regret, and its trials a minute (`make replay`).

Its search is that of the product: the real agenda, sampler, ASHA and controller, with trials from a generator of
learning curves or from recorded ones. Regret is what the chosen configuration's expected test score lacks to the best.

    python tests/replay/run.py --seeds 5
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from curves import Curves, Generator, Regime, Table
from played import play, spec_of
from regret import regrets
from rich.console import Console
from rich.table import Table as Columns

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "results" / "curves" / "curves.parquet"
REGIMES: tuple[Regime, ...] = ("900:100", "980:20")
MOST = 320  # epochs
AT = (40, 80, 160, 320)
SEARCHES = {
    "TPE and ASHA": ["search.sampler=tpe"],
    "random draws and ASHA": ["search.sampler=random"],
    "random draws": ["search.sampler=random", "search.scheduler={name: none}"],
}


@dataclass(frozen=True)
class Run:
    """One search."""

    regrets: tuple[float, ...]  # at AT; fewer where the curves had no more to try
    trials: int
    seconds: float  # of this machine

    @property
    def columns(self) -> list[float]:
        """The regret at each of AT; the last known one where the search ended before."""
        return [self.regrets[min(at, len(self.regrets)) - 1] for at in AT]


def run(curves: Curves, seed: int, slots: int, settings: list[str]) -> Run:
    """Search until the budget is spent."""
    began = time.perf_counter()
    most_trials = len(curves.truths) if isinstance(curves, Table) else MOST
    spec = spec_of(curves, seed, most_trials, *settings)
    made, played = play(curves, spec, slots=slots, most_epochs=MOST)
    return Run(tuple(regrets(played.told, curves)), len(made.history.trials), time.perf_counter() - began)


def rates(seed: int = 0, trials: int = 400) -> tuple[float, float]:
    """Trials a minute of TPE and ASHA in one search of so many: by the clock, and of CPU time."""
    curves = Generator(seed, "900:100")
    spec = spec_of(curves, seed, trials)
    began, cpu = time.perf_counter(), time.process_time()
    play(curves, spec)
    return 60 * trials / (time.perf_counter() - began), 60 * trials / (time.process_time() - cpu)


def rows(name: str, curves: Callable[[int], Curves], seeds: int, slots: int) -> list[list[str]]:
    """A row for each search: mean regret over seeds, with its standard error, in 1/10,000."""
    made = []
    for search, settings in SEARCHES.items():
        runs = [run(curves(seed), seed, slots, settings) for seed in range(seeds)]
        by_budget = zip(*(one.columns for one in runs), strict=True)
        cells = [f"{1e4 * mean(some):.0f} ± {1e4 * stdev(some) / len(some) ** 0.5:.0f}" for some in by_budget]
        made.append([name, str(slots), search, f"{mean(one.trials for one in runs):.0f}", *cells])
    return made


def recorded_rows(path: Path, regime: Regime, seeds: int) -> list[list[str]]:
    """The same on recorded curves, in one slot, and what the best choice by all that may be seen would lack."""
    tables = [Table(path, regime, seed) for seed in range(seeds)]
    name = f"{len(tables[0].truths)} recorded {regime}"
    lacking = [1e4 * (one.best - one.ceiling()) for one in tables]
    ceiling = f"{mean(lacking):.0f} ± {stdev(lacking) / seeds**0.5:.0f}"
    made = rows(name, lambda seed: Table(path, regime, seed), seeds, 1)
    return [*made, [name, "", "the best by all three seen cells", "", *[""] * (len(AT) - 1), ceiling]]


def main() -> None:
    """Print the tables, and leave them in a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--table", type=Path, default=TABLE, help="of recorded curves; passed over where there is none")
    parser.add_argument("--out", type=Path, default=None, help="a text file for what is printed")
    given = parser.parse_args()
    began = time.perf_counter()
    console = Console(record=True, width=120)
    title = f"regret in 1/10,000 after so many epochs, of {given.seeds} seeds from 0 (mean, standard error)"
    columns = Columns("curves", "slots", "search", "trials", *map(str, AT), title=title)
    for regime in REGIMES:
        for slots in given.slots:
            for row in rows(f"generator {regime}", lambda seed, at=regime: Generator(seed, at), given.seeds, slots):
                columns.add_row(*row)
    if given.table.exists():
        for regime in REGIMES:
            for row in recorded_rows(given.table, regime, given.seeds):
                columns.add_row(*row)
    console.print(columns)
    by_clock, by_cpu = rates()
    console.print(f"400 trials with TPE, one slot: {by_clock:,.0f} a minute by the clock, {by_cpu:,.0f} of CPU time")
    console.print(f"{time.perf_counter() - began:.0f} s in all, on {os.cpu_count()} cores ({os.uname().machine})")
    if given.out is not None:
        console.save_text(str(given.out))


if __name__ == "__main__":
    main()
