"""What candidates for a better search are worth, beside our own search, on the same simulated learning curves.

    python tests/replay/candidates/judge.py --seeds 100 --slots 1 8

Every search runs on seeds 0 to 99 of the generator, which are for development: nothing here is a judgement. A search
and the way in which it chooses at its end are told apart: by the best last score of a finished trial, or by the model
of all curves (`promotion.chosen`). The page is results/bench/candidates.md.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, stdev

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # tests/replay, as its other scripts have it

import numpy as np
from candidates.promotion import RUNGS, Promotion, chosen
from curves import EPOCHS, Generator, Regime, Score
from peers import product
from peers.loop import Row, Setting, drive
from peers.registry import BUDGETS
from peers.report import difference, ratio
from regret import CHANCE, regrets
from rich.progress import track

REGIMES: tuple[Regime, ...] = ("900:100", "980:20")
OURS_RUNGS = (2, 6)
PROMOTION = "promotion by the model, which proposes"
SOFT = ", told the soft balanced accuracy"
SEARCHES: dict[str, tuple[tuple[int, ...], Score]] = {  # rungs, and the value that the search is told
    "ours (TPE, ASHA)": (OURS_RUNGS, "eff"),
    PROMOTION: (RUNGS, "eff"),
    f"ours{SOFT}": (OURS_RUNGS, "soft"),
}
CHOICES = ("best score", "model")
OURS = ("ours (TPE, ASHA)", "best score")
MOST_SEEDS = 100
PAGE = Path(__file__).resolve().parents[3] / "results" / "bench" / "candidates.md"
Found = dict[tuple[str, str, int], float]  # regret by search, choice and epochs


def searched(name: str, curves: Generator, setting: Setting) -> list[Row]:
    """The epochs of one search."""
    if name.startswith("ours"):
        return product.search("ours", curves, setting)
    peer = Promotion(curves, setting.seed)
    return drive(peer, curves, slots=setting.slots, most_epochs=setting.most_epochs)


def run(regime: Regime, slots: int, seed: int) -> Found:
    """The regrets on one surface after half of the budget and after all of it."""
    found: Found = {}
    most = BUDGETS[slots]
    for name, (rungs, score) in SEARCHES.items():
        curves = Generator(seed, regime, score=score)
        rows = searched(name, curves, Setting(seed, slots, most))
        by_score = list(regrets(rows, curves))
        for epochs in (most // 2, most):
            spent = rows[:epochs]
            found[name, "best score", epochs] = by_score[len(spent) - 1]
            values = chosen(spent, (*rungs, EPOCHS))
            found[name, "model", epochs] = curves.best - (CHANCE if values is None else curves.truth(values))
    return found


def row(regime: str, slots: int, epochs: int, key: tuple[str, str], runs: Sequence[Found]) -> str:
    """One line of the table."""
    scores, ours = ([1e4 * one[*way, epochs] for one in runs] for way in (key, OURS))
    regret = f"{mean(scores):.0f} ± {stdev(scores) / len(scores) ** 0.5:.0f}"
    said = f"| {regime} | {slots} | {epochs} | {key[0]} | {key[1]} | {regret} |"
    if key == OURS:
        return f"{said}  |  |"
    less, low, _ = difference(np.array(scores) - np.array(ours))
    of, under, over = ratio(np.array(scores), np.array(ours))
    return f"{said} {less:+.0f} ± {less - low:.0f} | {of:.2f} ({under:.2f} to {over:.2f}) |"


def page(tables: Sequence[str], seeds: int) -> str:
    """The page's text."""
    head = f"""# Candidates for a better search

Regret on simulated learning curves, in 1/10,000: what the expected test score of the chosen configuration lacks to the
best there is. Means over seeds 0 to {seeds - 1} of the generator (`tests/replay/curve_generator.py`)
with their standard errors; differences to our own search on the same seeds with 95 % t intervals, and ratios with 95 %
intervals (delta method on the logarithm). Below 0, and below 1, the candidate is better. These seeds are for
development: the candidate was made on them, so this is no judgement.

*Promotion by the model, which proposes*: `tests/replay/candidates/promotion.py`. *Model*, as a choice: the finished
trial with the largest posterior mean, by a Gaussian process over all learning curves (`curve_model.py`). *Best score*
is the rule of the other comparisons. No candidate is built for Ray yet.

*Told the soft balanced accuracy*: the search sees that value of the same trials in place of the balanced accuracy, at
rungs and in its choice, as the product does by default if all trials have one loss. All regrets are of the balanced
accuracy.

    python tests/replay/candidates/judge.py --seeds {seeds}

| curves | slots | epochs | search | choice | regret | to ours | ratio |
| --- | ---: | ---: | --- | --- | ---: | ---: | ---: |
"""
    return head + "\n".join(tables) + "\n"


def main() -> None:
    """Run all, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=60, help="from 0, at most 100")
    parser.add_argument("--slots", type=int, nargs="+", choices=list(BUDGETS), default=[1, 8])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args()
    if not 1 < given.seeds <= MOST_SEEDS:
        parser.error(f"--seeds must be from 2 to {MOST_SEEDS}, but got {given.seeds}")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    keys = [(name, choice) for name in SEARCHES for choice in CHOICES]
    lines: list[str] = []
    with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn")) as pool:
        for slots in given.slots:
            for regime in REGIMES:
                asked = {pool.submit(run, regime, slots, seed): seed for seed in range(given.seeds)}
                done = track(as_completed(asked), f"{regime}, {slots} slots", total=len(asked))
                runs = [found for _, found in sorted((asked[one], one.result()) for one in done)]
                for epochs in (BUDGETS[slots] // 2, BUDGETS[slots]):
                    lines += [row(regime, slots, epochs, key, runs) for key in keys]
                given.page.write_text(page(lines, given.seeds), encoding="utf-8")
    print(given.page.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
