"""Whole searches of two arms, side by side: the demo's search, trained for real, without Ray.

A search like the demo's (TPE, ASHA, 24 trials and the baselines) on Pullover against Coat, a pair that suggested
nothing, at 90:10 and 98:2. Both arms have the same seeds of the sampler, of the split and of the initialisation.
Trials train for real, one after the other, asked for and stopped by the search's own driver; only Ray is left out.
The configuration that each search ranks first is trained again on five fresh splits and initialisations, which are
the same for both arms, and scored on the test images. There is no last step: it would hide part of the difference. The
baselines are CL, FCL and ACL: cross-entropy, which is not searched, would often be the first of both arms.

A run that was ended goes on where it was: each search and each fresh seed is a file of its own.
"""

import argparse
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from measure import OUT
from scipy import stats

from search.algorithms.proposer import SearchAgenda
from search.engine.controller import Conductor
from search.journal.history import History
from search.journal.log import Event
from spaces.spec import SearchSpec, load_spec
from trainers.checkpoint import Checkpoint
from trainers.config import TrialConfig
from trainers.data import load, load_test
from trainers.errors import DivergedError
from trainers.files import write_atomically
from trainers.pipeline import run_trial
from trainers.predictor import Predictor, score_split
from trainers.seeds import derive_seed

PAIR, RATIOS = ("Pullover", "Coat"), ((90, 10), (98, 2))
SEARCHES, FRESH = 10, 5
CONTRASTIVE = "search.baselines=[CL, FCL, ACL]"


class Stopped(Exception):
    """The driver stopped the trial."""


class Forgotten:
    """A journal that is not kept: the history is all that is needed."""

    def append(self, event: Event) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Comparison:
    """Two ways to search.

    Attributes:
        title: of the page.
        arms: by their names, what is set in the demo's spec.
        name: of the page, and of the folder of what was made.
    """

    title: str
    arms: Mapping[str, Sequence[str]]
    name: str

    @property
    def names(self) -> tuple[str, str]:
        """The first arm's, and that of the one which is compared to it."""
        first, other = self.arms
        return first, other


def spec_of(ratio: tuple[int, int], seed: int, *settings: str) -> SearchSpec:
    """One search."""
    return load_spec(
        "demo",
        [
            f"data.classes=[{PAIR[0]}, {PAIR[1]}]",
            f"data.ratio={list(ratio)}",
            *(f"{path}={seed}" for path in ("seed", "data.seed", "search.seed")),
            "search.final=null",
            "search.sampler=tpe",
            "search.scheduler={name: asha, grace: 2, reduction: 3}",
            *settings,
        ],
    )


def searched(spec: SearchSpec) -> History:
    """The search, trial by trial, to its end."""
    history, data, newest = History(), load(spec.data), dict[int, Checkpoint]()
    conductor = Conductor(spec, history, Forgotten(), SearchAgenda(spec, 1))
    conductor.open()
    while (trial := conductor.next_trial()) is not None:
        conductor.launched(trial.number)

        def report(epoch: int, metrics: Mapping[str, float], number: int = trial.number) -> None:
            if conductor.result(number, epoch, dict(metrics)) == "stop":
                raise Stopped

        config, resume = TrialConfig.model_validate(trial.config), newest.get(trial.number)  # of a trial that paused
        try:
            run_trial(config, data, report, resume, save=partial(newest.__setitem__, trial.number))
        except Stopped:
            pass
        except DivergedError as error:
            conductor.fail(trial.number, str(error), by_values=True)
        newest = {number: made for number, made in newest.items() if history.trials[number].state == "paused"}
    conductor.close("done")
    return history


def kept(path: Path, make: Callable[[], Any]) -> Any:
    """What a file has, or what is made now and kept there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(make()).encode())
    return json.loads(path.read_text())


def marked(content: Mapping[str, Any]) -> str:
    """A short hash of a spec or a configuration, so that a file of another one is not taken for it."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def first_of(spec: SearchSpec) -> dict[str, Any]:
    """What a search found: the first's config and values, and what the search cost."""
    began = time.process_time()
    history = searched(spec)
    seconds = time.process_time() - began
    best = history.ranked()[0]
    epochs = sum(trial.epoch for trial in history.trials.values())
    return {"config": best.config, "score": best.score, "trial": best.number, "epochs": epochs, "seconds": seconds}


def on_fresh_seed(config: dict[str, Any], seed: int) -> float:
    """Balanced accuracy on the test images, after training on a fresh split and initialisation."""
    fresh = TrialConfig.model_validate(config | {"seed": seed, "data": config["data"] | {"seed": seed}})
    last: list[Any] = []
    run_trial(
        fresh, load(fresh.data), lambda epoch, metrics: None, save=lambda made: last.__setitem__(slice(None), [made])
    )
    return score_split(Predictor(last[0]), load_test(fresh.data)).metrics["balanced_accuracy"]


def on_fresh_seeds(place: Path, config: dict[str, Any], number: int, purpose: str) -> list[float]:
    """`on_fresh_seed` on FRESH seeds of a search's number, each kept in a file at `place`."""
    seeds = [derive_seed(number, purpose, fresh) for fresh in range(FRESH)]
    return [kept(place / f"{marked(config)}-{seed}.json", partial(on_fresh_seed, config, seed)) for seed in seeds]


def rows_of(compared: Comparison, searches: int, ends: float | None) -> Iterator[dict[str, Any]]:
    """A row for each pair of searches that is there; those that are lacking are made until the time is up."""
    for number in range(searches):
        for ratio in RATIOS:
            row: dict[str, Any] = {"ratio": f"{ratio[0]}:{ratio[1]}", "search": number}
            for arm, settings in compared.arms.items():
                place = OUT / compared.name.replace("_", "-") / f"{ratio[0]}-{ratio[1]}"
                spec = spec_of(ratio, number, CONTRASTIVE, *settings)
                path = place / f"{number}-{marked(spec.model_dump(mode='json'))}.json"
                if ends is not None and time.monotonic() > ends and not path.exists():
                    return
                found = kept(path, lambda spec=spec: first_of(spec))
                tests = on_fresh_seeds(place, found["config"], number, "decide by")
                row |= {arm: mean(tests), f"{arm}'s score": found["score"], f"{arm}'s seconds": found["seconds"]}
            yield row


def lines_of(compared: Comparison, about: str, made: list[dict[str, Any]]) -> Iterator[str]:
    """The page."""
    first, other = compared.names
    yield f"# {compared.title}"
    yield ""
    yield from about.split("\n\n")[2].splitlines()
    yield ""
    yield from (__doc__ or "").split("\n\n")[1].splitlines()
    yield ""
    yield (
        f"Balanced accuracy on the test images of each search's first, the mean over {FRESH} fresh seeds and all "
        f"searches; the paired difference with its 95 % t interval over searches; CPU seconds of a search, by {first} "
        f"and by {other}. In one thread."
    )
    yield ""
    yield f"| ratio | searches | {first} | {other} | difference | CPU seconds |"
    yield "|---|---|---|---|---|---|"
    for name in [*(f"{one}:{two}" for one, two in RATIOS), "both"]:
        some = [row for row in made if name in ("both", row["ratio"])]
        if len(some) < 2:
            continue
        differences = [row[other] - row[first] for row in some]
        low, high = stats.t.interval(0.95, len(some) - 1, mean(differences), stats.sem(differences))
        seconds = [mean(row[f"{arm}'s seconds"] for row in some) for arm in (first, other)]
        means = " | ".join(f"{mean(row[arm] for row in some):.4f}" for arm in (first, other))
        difference = f"{mean(differences):+.4f} ({low:+.4f} to {high:+.4f})"
        yield f"| {name} | {len(some)} | {means} | {difference} | {seconds[0]:.0f}, {seconds[1]:.0f} |"


def compare(compared: Comparison, about: str) -> None:
    """Run what is lacking of a comparison, as the command line says, and write its page."""
    write_page(about, partial(rows_of, compared), partial(lines_of, compared, about), OUT / f"{compared.name}.md")


def write_page(
    about: str | None,
    rows: Callable[[int, float | None], Iterator[dict[str, Any]]],
    lines: Callable[[list[dict[str, Any]]], Iterator[str]],
    place: Path,
) -> None:
    """Go on with the rows that are lacking, as the command line says, then write the page of all."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searches", type=int, default=SEARCHES)
    parser.add_argument("--minutes", type=float, help="begin no other search after so many")
    given = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("AFCL_THREADS", "1")))
    ends = None if given.minutes is None else time.monotonic() + 60 * given.minutes
    made = []
    for row in rows(given.searches, ends):
        made.append(row)
        print(json.dumps(row), flush=True)
    page = "\n".join(lines(made)) + "\n"
    place.write_text(page)
    print(page)
