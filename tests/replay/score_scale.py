"""What a search finds where scores differ by much less, or more, than balanced accuracies do.

    python tests/replay/score_scale.py [--seeds N] [--page PAGE]

The simulated learning curves of replay.md, told as 1/2 + SCALE (score - 1/2): an AUROC near 1 may differ by a tenth of
what a balanced accuracy does, a log loss by five times as much; neither was measured. Searches of 320 epochs in one
slot: TPE with ASHA, which goes by the order of scores alone; promotion with `curves`, whose model counts scores in a
unit of .02, or as the first trials differ where that is far from .02 (search/algorithms/curve_unit.py); and the same
with the unit fixed. All are told the soft balanced accuracy, scaled. `tpe` chooses the best last score, the others by
the model.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from itertools import product as product_of
from pathlib import Path
from statistics import mean
from unittest.mock import patch

import numpy as np
from by_seed import main
from curves import Generator, Regime
from peers import product
from peers.loop import Setting
from peers.registry import OURS
from peers.report import ratio

from search.algorithms import curve_unit

REGIMES: tuple[Regime, ...] = ("900:100", "980:20")
SCALES = (0.1, 1.0, 5.0)
SEARCHES = {"tpe": ("ours", False), "curves, unit fixed": (OURS, True), "curves": (OURS, False)}  # and whether fixed
EPOCHS = 320
PAGE = Path(__file__).resolve().parents[2] / "results" / "bench" / "score_scale.md"


class Scaled(Generator):
    """A surface whose soft scores are told on another scale."""

    def __init__(self, seed: int, regime: Regime, scale: float) -> None:
        super().__init__(seed, regime, score="soft")
        self._scale = scale

    def scored_by(self, score: str) -> "Scaled":
        """Itself: there is one score."""
        return self

    def value(self, values: Mapping[str, float], trial: int, epoch: int) -> float:
        """The score of an epoch, scaled."""
        return 0.5 + self._scale * (super().value(values, trial, epoch) - 0.5)


def compare(seed: int, scale: float, regime: Regime) -> dict[str, float]:
    """The regret of each search on one surface."""
    found = {}
    for name, (search, is_fixed) in SEARCHES.items():
        curves = Scaled(seed, regime, scale)
        with patch.object(curve_unit, "FAR", math.inf) if is_fixed else nullcontext():
            rows = product.search(search, curves, Setting(seed=seed, slots=1, most_epochs=EPOCHS))
            found[name] = list(product.regrets_of(search, rows, curves))[-1]
    return found


def lines(found: Mapping[tuple[float, Regime], list[dict[str, float]]]) -> Iterator[str]:
    """The page."""
    yield "# What a search finds where scores differ by much less, or more"
    yield ""
    yield (__doc__ or "").split("\n\n", 2)[2].strip()
    yield ""
    yield "Regret in 1/10,000 of the unscaled balanced accuracy; its ratio to TPE's with a 95 % interval (paired)."
    yield ""
    yield f"| scale | curves | seeds | {' | '.join(f'`{name}`' for name in SEARCHES)} |"
    yield f"| ---: | --- | ---: |{' ---: |' * len(SEARCHES)}"
    for (scale, regime), rows in found.items():
        cells = []
        for name in SEARCHES:
            cell = f"{1e4 * mean(row[name] for row in rows):.0f}"
            if name != "tpe":
                of, low, high = ratio(np.array([row[name] for row in rows]), np.array([row["tpe"] for row in rows]))
                cell += f"; {of:.2f} ({low:.2f} to {high:.2f})"
            cells.append(cell)
        yield f"| {scale:g} | {regime} | {len(rows)} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main(__doc__, PAGE, compare, product_of(SCALES, REGIMES), lines, seeds=50)
