"""What it costs a search that its sampler is told of a part of very many trials, and which part costs least.

TPE is told of all trials, or of at most `--told`: of the best few and a draw of the others. Two looks, both on the
generator's curves with ASHA, each paired by seed:

    searches  whole searches under each rule: the regret of what ranks first
    asks      one search's history, and what each rule proposes next: the mean regret of so many proposals, which no
              luck of a whole search blurs

What is done is kept in a file, and not done again.

    python tests/replay/told_bound.py asks --trials 2000 --told 1000 --seeds 0 10
"""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import mean, stdev
from unittest.mock import patch

from curves import Generator, Regime
from played import Played, play, spec_of
from rich.console import Console
from rich.table import Table
from scipy import stats

from search.algorithms import known_trials
from search.algorithms.samplers import BoundSampler
from search.journal.history import Trial
from trainers.seeds import derive_seed

Told = Callable[[int, int], tuple[int, int]]
RULES: dict[str, Told] = {  # of trials and told: how many are told, how many best
    "all": lambda trials, told: (10**6, 25),
    "25 best": lambda trials, told: (told, 25),
    "best tenth of all": lambda trials, told: (told, trials // 10),
    "best quarter of the told": lambda trials, told: (told, told // 4),
}
REGIMES: tuple[Regime, ...] = ("900:100", "980:20")
ASKS = 60
HISTORY = "25 best of 250"  # the rule of the search whose history is asked about: cheap, and one for all


@contextmanager
def rule(name: str, trials: int, told: int) -> Iterator[None]:
    """Have searches tell their samplers by a rule."""
    most, best = (250, 25) if name == HISTORY else RULES[name](trials, told)
    with ExitStack() as stack:
        stack.enter_context(patch.object(known_trials, "BEST_TOLD", best))
        defaults = {"one_coordinate": False, "most": most}
        stack.enter_context(patch.object(known_trials.KnownTrials.__init__, "__kwdefaults__", defaults))
        yield


def searched(curves: Generator, seed: int, trials: int) -> tuple[list[Trial], Played]:
    """One search's trials, those that finished first and by their scores."""
    made, played = play(curves, spec_of(curves, seed, trials))
    return made.history.ranked(), played


def by_searches(regime: Regime, seed: int, trials: int, told: int) -> dict[str, float]:
    """The regret of each rule's search."""
    curves, made = Generator(seed, regime), {}
    for name in RULES:
        with rule(name, trials, told):
            ranked, played = searched(curves, seed, trials)
        made[name] = curves.best - played.truth(ranked[0])
    return made


def by_asks(regime: Regime, seed: int, trials: int, told: int) -> dict[str, float]:
    """The mean regret of what each rule proposes next, all from one history."""
    curves, made = Generator(seed, regime), {}
    spec = spec_of(curves, seed, trials)
    with rule(HISTORY, trials, told):
        history = play(curves, spec)[0].history
    for name in RULES:
        with rule(name, trials, told):
            sampler = BoundSampler(
                spec.space,
                spec.search,
                spec.search.metric_key,
                history,
                families=spec.families,
                slots=1,
                fixed={},
                epochs=(2, 6, 16),
            )
            asked = [
                sampler.propose(seed=derive_seed(seed, "another ask", number), number=trials) for number in range(ASKS)
            ]
        floats = [{path: float(value) for path, value in one.items()} for one in asked]
        made[name] = mean(curves.best - curves.truth(one) for one in floats)
    return made


LOOKS = {"searches": by_searches, "asks": by_asks}


def table(found: list[dict[str, float]], title: str) -> Table:
    """Means, and paired differences to telling all and to the rule of today."""
    made = Table("told", "regret", "difference to all", "difference to the 25 best", title=title)
    for name in RULES:
        cells = []
        for other in ("all", "25 best"):
            pairs = [one[name] - one[other] for one in found]
            half = stats.t.ppf(0.975, len(pairs) - 1) * stdev(pairs) / len(pairs) ** 0.5
            cells.append(
                "" if name == other else f"{mean(pairs):+.5f} ({mean(pairs) - half:+.5f} to {mean(pairs) + half:+.5f})"
            )
        made.add_row(name, f"{mean(one[name] for one in found):.5f}", *cells)
    return made


def main() -> None:
    """Do what is lacking, and print the table after each seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("look", choices=LOOKS)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--told", type=int, default=1000)
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 10), metavar=("FIRST", "END"))
    parser.add_argument("--kept", type=Path, default=Path("told-bound.jsonl"), help="what is done, a line each")
    given = parser.parse_args()
    lines = given.kept.read_text(encoding="utf-8").splitlines() if given.kept.exists() else []
    done = {json.dumps(one["key"]): one["found"] for one in map(json.loads, lines)}
    found = []
    for seed in range(*given.seeds):
        for regime in REGIMES:
            key = [given.look, given.trials, given.told, regime, seed]
            if json.dumps(key) not in done:
                done[json.dumps(key)] = LOOKS[given.look](regime, seed, given.trials, given.told)
                with given.kept.open("a", encoding="utf-8") as kept:
                    kept.write(json.dumps({"key": key, "found": done[json.dumps(key)]}) + "\n")
            found.append(done[json.dumps(key)])
    seeds = f"seeds {given.seeds[0]} to {given.seeds[1] - 1} in both regimes"
    title = f"{given.look}: {given.told} of {given.trials} trials told, {seeds}"
    Console().print(table(found, title))


if __name__ == "__main__":
    main()
