"""Our search and plain Ray Tune with OptunaSearch and ASHA, side by side: whole searches, trained for real.

    python tests/bench/against_ray.py [--searches N] [--minutes M]

Pullover against Coat, 980 to 20 training images, the demo's space and trials. Ours is the demo's search as it comes:
24 proposals of the sampler `curves`, promotion, and the last step, whose best mean on three fresh splits and
initialisations is the choice. It has no baselines, which Ray Tune has not either. Ray Tune has ASHAScheduler and
OptunaSearch as they come (tests/replay/peers/ray_tune.py says which settings are set), the balanced accuracy of the
same validation images, and as many epochs as our search took, those of its last step included; its choice is that of
`get_best_result`, the best last score of all trials. Both run in one slot, trial by trial, without a cluster.

The configuration that a search chooses is trained again on five fresh splits and initialisations, the same for both,
and scored on the test images. A run that was ended goes on where it was, as each search and seed has a file of its own.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import mean
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "replay"))

from curve_space import SPACE
from measure import OUT
from scipy import stats
from whole_searches import PAIR, Stopped, kept, marked, on_fresh_seeds, searched, write_page

from search.evidence.candidates import final_seeds
from spaces.spec import SearchSpec, load_spec
from trainers.config import METRIC, TrialConfig
from trainers.data import load
from trainers.errors import DivergedError
from trainers.pipeline import run_trial

WORK, PAGE = OUT / "against-ray", OUT / "against_ray.md"
OURS, RAY = "afcl", "Ray Tune"


def spec_of(seed: int) -> SearchSpec:
    """Our search with this seed of sampler, split and initialisation."""
    seeds = [f"{path}={seed}" for path in ("seed", "data.seed", "search.seed")]
    pair = [f"data.classes=[{PAIR[0]}, {PAIR[1]}]", "data.ratio=[98, 2]", "search.baselines=[]"]
    return load_spec("demo", [*pair, *seeds])


def ours(spec: SearchSpec) -> dict[str, Any]:
    """Our search with its last step: what it chose, and how many epochs it took."""
    history, final = searched(spec), spec.search.final
    assert final is not None, "the demo has a last step"
    best = history.ranked()[: final.top]
    means = {
        trial.number: mean(validated(trial.config, seed) for seed in final_seeds(spec, final.seeds)) for trial in best
    }
    chosen = max(best, key=lambda trial: means[trial.number])
    epochs = sum(trial.epoch for trial in history.trials.values())
    epochs += len(best) * final.seeds * spec.base.last_epoch
    return {"config": chosen.config, "score": means[chosen.number], "epochs": epochs}


def validated(config: Mapping[str, Any], seed: int) -> float:
    """The balanced accuracy on the validation images of a fresh split, of a trial with a fresh initialisation."""
    fresh = TrialConfig.model_validate({**config, "seed": seed, "data": {**config["data"], "seed": seed}})
    told: list[float] = []
    run_trial(fresh, load(fresh.data), lambda epoch, metrics: told.append(metrics[METRIC]))
    return told[-1]


def plain_ray(spec: SearchSpec, epochs: int) -> dict[str, Any]:
    """Ray Tune's search of so many epochs: what it chose, and how many trials it began."""
    from peers.ray_tune import Tune

    class Trials:
        """What the searcher and the scheduler are told of the trials."""

        space, best = SPACE, 1.0
        epochs = spec.base.last_epoch

    tune, data, spent, last = Tune(Trials, spec.search.seed), load(spec.data), 0, dict[int, tuple[float, Any]]()
    while spent < epochs:
        number, values = tune.propose()
        config = spec.trial_config(values)

        def report(epoch: int, metrics: Mapping[str, float], number: int = number, config: Any = config) -> None:
            nonlocal spent
            spent += 1
            last[number] = metrics[METRIC], config.model_dump(mode="json", exclude=config.unused)
            if tune.report(number, epoch, metrics[METRIC]) == "stop" or spent == epochs:
                raise Stopped

        try:
            run_trial(config, data, report)
        except Stopped:
            pass
        except DivergedError:
            spent += 1
            tune.failed(number)
    score, chosen = max(last.values(), key=lambda one: one[0])
    return {"config": chosen, "score": score, "epochs": spent, "trials": len(last)}


def rows(searches: int, ends: float | None) -> Iterator[dict[str, Any]]:
    """A row for each pair of searches that is there; those that are lacking are made until the time is up."""
    for number in range(searches):
        spec = spec_of(number)
        mark = marked(spec.model_dump(mode="json"))
        paths = [WORK / f"{number}-{mark}-{name}.json" for name in ("ours", "ray")]
        if ends is not None and time.monotonic() > ends and not all(path.exists() for path in paths):
            return
        first = kept(paths[0], lambda spec=spec: ours(spec))
        other = kept(paths[1], lambda spec=spec, epochs=first["epochs"]: plain_ray(spec, epochs))
        row: dict[str, Any] = {"search": number, "epochs": first["epochs"]}
        for name, found in ((OURS, first), (RAY, other)):
            tests = on_fresh_seeds(WORK, found["config"], number, "against ray")
            row |= {name: mean(tests), f"{name}'s score": found["score"]}
        yield row


def lines_of(made: list[dict[str, Any]]) -> Iterator[str]:
    """The page."""
    yield "# Our search and plain Ray Tune, side by side"
    yield ""
    yield from (__doc__ or "").split("\n\n", 2)[2].splitlines()
    yield ""
    if len(made) < 2:
        yield "Fewer than two pairs of searches have run."
        return
    differences = [row[OURS] - row[RAY] for row in made]
    low, high = stats.t.interval(0.95, len(made) - 1, mean(differences), stats.sem(differences))
    yield f"| searches of each | epochs of a search | {OURS} | {RAY} | difference, 95 % t interval |"
    yield "| ---: | ---: | ---: | ---: | ---: |"
    means = " | ".join(f"{mean(row[name] for row in made):.4f}" for name in (OURS, RAY))
    epochs = mean(row["epochs"] for row in made)
    yield f"| {len(made)} | {epochs:.0f} | {means} | {mean(differences):+.4f} ({low:+.4f} to {high:+.4f}) |"


if __name__ == "__main__":
    write_page(__doc__, rows, lambda made: lines_of(made), PAGE)
