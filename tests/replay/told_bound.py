"""What it costs a search that its sampler is told of a part of many trials: paired differences of regret.

Each search has 600 trials in the demo's space, on curves with an optimum, interactions and noise, ASHA included. TPE is
told of all trials, or of at most 250, 150 or 100: of the 25 best and a draw of the others. The regret is that of the
configuration that the search ranks first, by its score without noise.

    python tests/replay/told_bound.py
"""

import argparse
import random
from dataclasses import dataclass
from statistics import mean, stdev
from unittest.mock import patch

from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy import stats

from search.algorithms import known_trials
from search.engine.replay import replay
from search.journal.history import Trial
from spaces.spec import SearchSpec, load_spec

BOUNDS = (10**6, 250, 150, 100)
NOISE = 0.012


@dataclass(frozen=True)
class Valley:
    """Scores that fall off along a bent valley, with noise of each trial; `seed` places the optimum."""

    spec: SearchSpec
    seed: int

    def value(self, trial: Trial, epoch: int) -> float:
        """The score at an epoch's end, with the trial's own noise."""
        noise = random.Random(f"{self.seed} {sorted(trial.values.items())}").gauss(0, NOISE)
        return self.true(trial) - 0.12 / (1 + epoch) + noise

    def true(self, trial: Trial) -> float:
        """The score at the end without noise; its maximum is 0.82."""
        draws = random.Random(self.seed)
        best = {path: draws.uniform(0.2, 0.8) for path in self.spec.space}
        off = {path: range_.to_unit(trial.values[path]) - best[path] for path, range_ in self.spec.space.items()}
        bent = off["representation.lr"] + 0.6 * off["loss.temperature"]
        return 0.82 - 0.25 * bent**2 - 0.05 * sum(value**2 for value in off.values())

    def seconds(self, trial: Trial, epoch: int) -> float:
        """All epochs are equal."""
        return 1.0


def regret(seed: int, bound: int, trials: int) -> float:
    """What the search's first lacks to the optimum."""
    spec = load_spec("demo", [f"search.trials={trials}", f"search.seed={seed}", "search.baselines=[]"])
    curves = Valley(spec, seed)
    with patch.object(known_trials.KnownTrials.__init__, "__kwdefaults__", {"one_coordinate": False, "most": bound}):
        return 0.82 - curves.true(replay(spec, curves).history.ranked()[0])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=600)
    given = parser.parse_args()
    work = [(seed, bound) for seed in range(given.seeds) for bound in BOUNDS]
    found = {one: regret(*one, given.trials) for one in track(work)}
    table = Table("told at most", "regret", "difference to all", "95 % interval")
    for bound in BOUNDS:
        of_it = [found[seed, bound] for seed in range(given.seeds)]
        pairs = [found[seed, bound] - found[seed, BOUNDS[0]] for seed in range(given.seeds)]
        half = stats.t.ppf(0.975, len(pairs) - 1) * stdev(pairs) / len(pairs) ** 0.5
        told = ("all", f"{mean(of_it):.4f}", "", "") if bound == BOUNDS[0] else None
        interval = f"{mean(pairs) - half:+.4f} to {mean(pairs) + half:+.4f}"
        table.add_row(*(told or (str(bound), f"{mean(of_it):.4f}", f"{mean(pairs):+.4f}", interval)))
    Console().print(table)


if __name__ == "__main__":
    main()
