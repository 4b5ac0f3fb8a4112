"""How much of a search's best score is luck, and how much of that the last step takes away: whole searches.

    python tests/bench/final_drop.py [--searches N] [--minutes M]

The demo's search (TPE, ASHA, 24 trials and the baselines) on Pullover against Coat, at 90:10 and 98:2, with a seed of
its own for sampler, split and initialisation. Trials train for real, one after the other, asked for and stopped by the
search's own driver; only Ray is left out. Then, as a search's last step does, the best four run again on three fresh
splits and initialisations, and the best mean of these counts. What a search says of its best, before and after this
step, is held against five more fresh splits and initialisations, always on validation images of the split.

A run that was ended goes on where it was: each search and each fresh seed is a file of its own.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

from measure import OUT
from scipy import stats
from whole_searches import RATIOS, kept, marked, searched, spec_of, write_page

from search.evidence.candidates import final_seeds
from spaces.sections import FinalConfig
from spaces.spec import SearchSpec
from trainers.config import TrialConfig
from trainers.data import load
from trainers.pipeline import run_trial
from trainers.seeds import derive_seed

FRESH = 5
STEP = FinalConfig()
WORK, PAGE = OUT / "final-drop", OUT / "final_drop.md"
SIDES = ("without the step", "with it")


def best_of(spec: SearchSpec) -> list[dict[str, Any]]:
    """The configurations and scores of a search's best few, the first one first."""
    ranked = searched(spec).ranked()[: STEP.top]
    return [{"config": trial.config, "score": trial.score, "family": trial.family} for trial in ranked]


def validated(place: Path, config: dict[str, Any], seed: int) -> float:
    """Balanced accuracy on the validation images of a fresh split, after training from a fresh initialisation."""

    def run() -> float:
        fresh = TrialConfig.model_validate(config | {"seed": seed, "data": config["data"] | {"seed": seed}})
        told: list[float] = []
        run_trial(fresh, load(fresh.data), lambda epoch, metrics: told.append(metrics["val_balanced_accuracy"]))
        return told[-1]

    return float(kept(place / f"{marked(config)}-{seed}.json", run))


def rows(searches: int, ends: float | None) -> Iterator[dict[str, Any]]:
    """A row for each search that is there; those that are lacking are made until the time is up."""
    for number in range(searches):
        for ratio in RATIOS:
            place = WORK / f"{ratio[0]}-{ratio[1]}"
            spec = spec_of(ratio, number)
            path = place / f"{number}-{marked(spec.model_dump(mode='json'))}.json"
            if ends is not None and time.monotonic() > ends and not path.exists():
                return
            best = kept(path, lambda spec=spec: best_of(spec))
            step = [
                mean(validated(place, one["config"], seed) for seed in final_seeds(spec, STEP.seeds)) for one in best
            ]
            chosen = max(range(len(best)), key=step.__getitem__)
            seeds = [derive_seed(number, "final drop", one) for one in range(FRESH)]
            fresh = [mean(validated(place, best[one]["config"], seed) for seed in seeds) for one in (0, chosen)]
            said = (best[0]["score"], step[chosen])
            yield {
                "ratio": f"{ratio[0]}:{ratio[1]}",
                "search": number,
                **{f"said {side}": one for side, one in zip(SIDES, said, strict=True)},
                **{f"fresh {side}": one for side, one in zip(SIDES, fresh, strict=True)},
            }


def lines(made: list[dict[str, Any]]) -> Iterator[str]:
    """The page."""
    yield "# How much of a search's best score is luck"
    yield ""
    yield from ((__doc__ or "").split("\n\n")[2].splitlines())
    yield ""
    yield (
        f"Said: the score of the search's first, and the mean over {STEP.seeds} seeds of the step's first. Fresh: the "
        f"mean of the same configuration over {FRESH} more seeds. Drop: said less fresh, with its 95 % t interval over "
        "searches. On a CPU, in one thread."
    )
    yield ""
    yield "| ratio | searches | | said | fresh | drop |"
    yield "|---|---|---|---|---|---|"
    for name in [*(f"{one}:{two}" for one, two in RATIOS), "both"]:
        some = [row for row in made if name in ("both", row["ratio"])]
        if len(some) < 2:
            continue
        for side in SIDES:
            said, fresh = ([row[f"{what} {side}"] for row in some] for what in ("said", "fresh"))
            drops = [one - other for one, other in zip(said, fresh, strict=True)]
            low, high = stats.t.interval(0.95, len(drops) - 1, mean(drops), stats.sem(drops))
            drop = f"{mean(drops):+.4f} ({low:+.4f} to {high:+.4f})"
            yield f"| {name} | {len(some)} | {side} | {mean(said):.4f} | {mean(fresh):.4f} | {drop} |"


if __name__ == "__main__":
    write_page(__doc__, rows, lines, PAGE)
