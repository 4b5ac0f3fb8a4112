"""What more validation images are worth to a search: `data.val_per_class`, on simulated learning curves.

    python tests/replay/validation_size.py [--seeds N] [--page PAGE]

Our own search (TPE, ASHA, one slot, no last step) has the demo's settings and goes by the soft balanced accuracy, as by
default. Each trial has a split and an initialisation of its own. Each surface is searched with so many validation
images of each of two classes, of which the noise alone differs. Images cost time, too: with 250, 500, 1,000 and 2,000
images an epoch of the demo took COSTS of the time (one thread of an AMD EPYC, one trial each). The budgets are so many
epochs with 250 images, and as many as the same time has room for with more.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import mean, stdev

from by_seed import main
from curves import Generator, Regime
from played import play, spec_of
from regret import regrets
from scipy import stats

REGIMES: tuple[Regime, ...] = ("900:100", "980:20")
COSTS = {250: 1.0, 500: 1.0, 1000: 1.1, 2000: 1.4}  # of an epoch, by images of each class
BUDGETS = (160, 320)  # epochs with 250 images
FIRST = 100  # seed; smaller ones suggested the numbers
PAGE = Path(__file__).resolve().parents[2] / "results" / "bench" / "validation_images.md"
Found = dict[tuple[int, int], float]  # regret by images and budget


def compare(seed: int, regime: Regime) -> Found:
    """The regrets on one surface."""
    found: Found = {}
    for images, cost in COSTS.items():
        curves = Generator(seed, regime, score="soft", per_class=images)
        _, played = play(curves, spec_of(curves, seed, max(BUDGETS)), most_epochs=max(BUDGETS))
        by_epoch = list(regrets(played.told, curves))
        for budget in BUDGETS:
            found[images, budget] = by_epoch[min(int(budget / cost), len(by_epoch)) - 1]
    return found


def lines(found: Mapping[tuple[Regime], list[Found]]) -> Iterator[str]:
    """The page."""
    yield "# What more validation images are worth to a search"
    yield ""
    yield (__doc__ or "").split("\n\n")[2].strip().replace("COSTS", ", ".join(f"{one:.1f}" for one in COSTS.values()))
    yield ""
    yield f"Means over seeds from {FIRST} on with their standard errors, and paired differences with 95 % t intervals,"
    yield "in 1/10,000 of balanced accuracy; below 0 more images are better."
    yield ""
    yield "| curves | budget | images of each class | regret | difference to 250 |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for (regime,), rows in found.items():
        for budget in BUDGETS:
            for images in COSTS:
                seen = [1e4 * row[images, budget] for row in rows]
                less = [one - 1e4 * row[250, budget] for one, row in zip(seen, rows, strict=True)]
                said = ""
                if images != 250:
                    low, high = stats.t.interval(0.95, len(less) - 1, mean(less), stats.sem(less))
                    said = f"{mean(less):+.0f} ({low:+.0f} to {high:+.0f})"
                regret = f"{mean(seen):.0f} ± {stdev(seen) / len(seen) ** 0.5:.0f}"
                yield f"| {regime} | {budget} | {images:,} | {regret} | {said} |"


if __name__ == "__main__":
    main(__doc__, PAGE, compare, [(regime,) for regime in REGIMES], lines, seeds=100, first=FIRST)
