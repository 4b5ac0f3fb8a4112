"""How often a search proposes what must fail, by what its sampler is told of failed trials.

Three regions of the demo's space fail at their first epoch: (A) the top fifth of the learning rate, where scores fall
off before it; (B) the top fifth of the temperature, with the optimum a tenth of the range or more away; (C) all
learning rates just above the optimum. The share is of trials 20 to 39, after the sampler's first draws.

    python tests/replay/failing_regions.py
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mean, stdev
from unittest.mock import patch

from played import TPE_AND_ASHA
from rich.console import Console
from rich.table import Table

from search.engine.replay import CurveFailed, replay
from search.journal.history import Trial
from spaces.spec import SearchSpec, load_spec

SEARCH = [*TPE_AND_ASHA, "search.trials=40", "search.baselines=[]", "search.max_failed_share=1"]
LR, TAU = "representation.lr", "loss.temperature"


@dataclass(frozen=True)
class Region:
    """Where trials fail, in the unit range of one field, and where they are best."""

    path: str
    fails_above: float
    best: dict[str, float]  # in the unit range


REGIONS = {
    "A, lr's top fifth": Region(LR, 0.8, {LR: 0.5, TAU: 0.4}),
    "B, τ's top fifth": Region(TAU, 0.8, {LR: 0.5, TAU: 0.7}),
    "C, lr just above its optimum": Region(LR, 0.71, {LR: 0.69, TAU: 0.4}),
}


@dataclass(frozen=True)
class Bowl:
    """Scores that fall off around an optimum, by epoch, and fail in a region."""

    spec: SearchSpec
    region: Region

    def value(self, trial: Trial, epoch: int) -> float:
        """The score at an epoch's end."""
        if self.is_failing(trial):
            raise CurveFailed("the contrastive loss is nan at epoch=1")
        far = sum((self._unit(trial, path) - best) ** 2 for path, best in self.region.best.items())
        return 0.82 - 0.15 * far - 0.1 / (1 + epoch)

    def is_failing(self, trial: Trial) -> bool:
        """Whether the trial lies in the region."""
        return self._unit(trial, self.region.path) > self.region.fails_above

    def seconds(self, trial: Trial, epoch: int) -> float:
        """All epochs are equal."""
        return 1.0

    def _unit(self, trial: Trial, path: str) -> float:
        return self.spec.space[path].to_unit(trial.values[path])


def share(region: Region, seed: int, sampler: str, *, told_as_fail: bool) -> float:
    """The share of failing trials among 20 to 39 of a search in one slot."""
    spec = load_spec("demo", [*SEARCH, f"search.seed={seed}", f"search.sampler={sampler}"])
    curves = Bowl(spec, region)
    with patch.object(Trial, "failed_by_its_values", False) if told_as_fail else patch.object(Trial, "__doc__", ""):
        made = replay(spec, curves)
    late = [trial for trial in made.history.trials.values() if trial.number >= 20]
    return mean(curves.is_failing(trial) for trial in late)


def rows(seeds: int) -> Iterator[tuple[str, list[list[float]]]]:
    """By region: the shares with failures told as FAIL, told as the worst value, and of random search."""
    ways = [("tpe", True), ("tpe", False), ("random", False)]
    for name, region in REGIONS.items():
        yield name, [[share(region, seed, way, told_as_fail=old) for seed in range(seeds)] for way, old in ways]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=30)
    given = parser.parse_args()
    table = Table("region", "told as FAIL", "told as the worst", "random search", title=f"{given.seeds} seeds")
    for name, columns in rows(given.seeds):
        table.add_row(name, *(f"{mean(one):.2f} ± {stdev(one) / len(one) ** 0.5:.2f}" for one in columns))
    Console().print(table)


if __name__ == "__main__":
    main()
