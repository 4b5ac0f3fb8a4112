"""What `search.stop_when: luck` saves and costs: the same simulated searches with and without it.

    python tests/replay/luck.py [--seeds N] [--page PAGE]

Our own search (TPE, ASHA, one slot) has the demo's settings and so many planned trials. It goes by the soft balanced
accuracy, as by default, and all its trials share one split and one initialisation. The rule sees the balanced
accuracies, whose luck is known. It is judged by the regret of the search's first, before a last step: what its expected
test score lacks to the best there is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from statistics import mean, stdev

from by_seed import main
from curves import Generator, Regime
from played import play, spec_of
from scipy import stats

from search.algorithms.luck import Luck, Verdict, luck_of
from search.journal.history import History, Trial
from spaces.sections import FinalConfig

REGIMES: tuple[Regime, ...] = ("900:100", "980:20")
PLANNED = (24, 64, 128)
FIRST = 100  # seed; the rule was made on smaller ones
PER_CLASS = 250  # validation images, as the curves have them
PAGE = Path(__file__).resolve().parents[2] / "results" / "bench" / "luck.md"


@dataclass(frozen=True)
class LuckOfScores(Luck):
    """The product's rule, told the balanced accuracies of trials that the search knows by another value."""

    scores: Generator | None = None

    def verdict(self, history: History, planned: int) -> Verdict | None:
        """Why no further trial is worth while."""
        told = History()
        for number, trial in history.trials.items():
            told.trials[number] = trial if trial.score is None else replace(trial, score=self._score(trial))
        return super().verdict(told, planned)

    def _score(self, trial: Trial) -> float:
        values = {path: float(value) for path, value in trial.values.items()}
        assert self.scores is not None
        return self.scores.value(values, trial.number, self.scores.epochs)


def compare(seed: int, regime: Regime, planned: int) -> tuple[float, float, float]:
    """One search: the share of epochs that the rule saves, and the regrets without it and with it."""
    curves, scores = (Generator(seed, regime, score=score, cells="shared") for score in ("soft", "eff"))
    spec = spec_of(curves, seed, planned, "search.stop_when=luck")
    sizes = [int(number) for number in regime.split(":")], [PER_CLASS] * 2
    luck = luck_of(spec, *sizes, same_images=False)
    assert luck is not None
    regrets, epochs = [], []
    for one in (None, LuckOfScores(luck.train, luck.validation, FinalConfig().seeds, luck.same_images, scores)):
        made, played = play(curves, spec, luck=one)
        regrets.append(curves.best - played.truth(made.history.ranked()[0]))
        epochs.append(made.epochs)
    return 1 - epochs[1] / epochs[0], *regrets


def lines(found: dict[tuple[Regime, int], list[tuple[float, float, float]]]) -> Iterator[str]:
    """The page."""
    yield "# What `search.stop_when: luck` saves and costs"
    yield ""
    yield from (__doc__ or "").split("\n\n")[2].splitlines()
    yield ""
    yield (
        f"Means over seeds from {FIRST} on, on which nothing was chosen, with their standard errors; the paired "
        "difference with its 95 % t interval; regrets in 1/10,000."
    )
    yield ""
    yield "| curves | planned trials | searches | ended early | epochs saved | regret | with the rule | difference |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for (regime, planned), rows in found.items():
        saved, whole, shorter = zip(*rows, strict=True)
        more = [1e4 * (one - other) for one, other in zip(shorter, whole, strict=True)]
        low, high = stats.t.interval(0.95, len(more) - 1, mean(more), stats.sem(more)) if any(more) else (0.0, 0.0)
        early = sum(one > 0 for one in saved) / len(saved)
        regrets = " | ".join(
            f"{1e4 * mean(some):.0f} ± {1e4 * stdev(some) / len(some) ** 0.5:.0f}" for some in (whole, shorter)
        )
        yield (
            f"| {regime} | {planned} | {len(rows)} | {early:.0%} | {mean(saved):.0%} | {regrets} | "
            f"{mean(more):+.0f} ({low:+.0f} to {high:+.0f}) |"
        )


if __name__ == "__main__":
    main(__doc__, PAGE, compare, product(REGIMES, PLANNED), lines, seeds=100, first=FIRST)
