"""What a confirmation costs and what it can tell, said before anything of the test split is opened."""

import math
from collections.abc import Iterator, Sequence
from statistics import median

from search.evidence.candidates import Candidate
from search.journal.history import History
from search.journal.log import read_events
from search.storage.search_folder import SearchFolder

SMALLEST = 0.01  # of balanced accuracy: the smallest interesting difference where the user names none
LEVEL = 0.95


def forecast(
    searched: SearchFolder,
    history: History,
    chosen: Sequence[Candidate],
    seeds: int,
    *,
    ended: int = 0,
    smallest: float | None = None,
) -> Iterator[str]:
    """Lines on a confirmation on a fixed number of seeds.

    Args:
        searched: the search.
        history: what has happened in it.
        chosen: the candidates.
        seeds: how many.
        ended: how many of its runs are through.
        smallest: the smallest difference that matters.
    """
    yield cost(searched, history, chosen, len(chosen) * seeds - ended)
    pairs = math.comb(len(chosen), 2)
    if pairs == 0:
        yield "tells    the mean of one configuration: there is nothing to compare it with"
        return
    yield what_it_tells(searched, history, pairs, seeds, smallest or SMALLEST)
    from search.evidence.paired_tests import MIN_SEEDS  # scipy takes half a second

    if seeds < MIN_SEEDS:
        yield (
            f"warning  under {MIN_SEEDS} seeds nothing is called distinguishable: this opens the test split for "
            f"nothing; stop it and say --seeds {MIN_SEEDS} or more"
        )


def cost(searched: SearchFolder, history: History, chosen: Sequence[Candidate], runs: int, most: str = "") -> str:
    """The expected time of so many runs of the candidates, in equal parts. most: what stands before the count."""
    what = f"{most}{runs} runs of {len(chosen)} configurations"
    took = trial_seconds(searched)
    seconds = [took[one.trial] for one in chosen if one.trial in took]
    if not seconds:
        return f"cost     {what}; how long one takes is not known from the search"
    each = sum(seconds) / len(seconds)
    slots = int(history.sessions[-1].get("slots", 1)) if history.sessions else 1
    told = f"about {in_time(runs * each / max(1, slots))} in {slots} slot{'s' * (slots != 1)}"
    return f"cost     {what}, {told}: in the search they took {in_time(each)} each"


def what_it_tells(searched: SearchFolder, history: History, pairs: int, seeds: int, smallest: float) -> str:
    """How many seeds the smallest interesting difference needs, and which difference these seeds find.

    The seeds are the fewest with which a two-sided paired t test at α/pairs finds it with power .8 (`seeds_needed`).
    """
    from search.evidence.paired_tests import MAX_SEEDS, seeds_needed  # scipy takes half a second
    from search.evidence.spread import expected_spread, smallest_effect

    spread = expected_spread(searched, history)
    if spread is None:
        return "tells    how many seeds a difference needs is not known: too few trials to guess a spread from"
    alpha = (1 - LEVEL) / pairs
    count = seeds_needed(smallest / spread.sd, alpha) or f"more than {MAX_SEEDS}"
    found = "" if seeds < 2 else f"; {seeds} seeds find one of {smallest_effect(seeds, alpha) * spread.sd:.3g}"
    return (
        f"tells    a difference of {smallest:g} takes about {count} seeds{found} (paired t test, power .8, "
        f"α .05 over {pairs} pair{'s' * (pairs != 1)}; sd of a paired difference {spread.sd:.4f}, {spread.source})"
    )


def trial_seconds(folder: SearchFolder) -> dict[int, float]:
    """Seconds from launch to end of the finished trials; the median for those that were begun more than once."""
    begun: dict[int, list[float]] = {}
    whole: dict[int, float] = {}
    again: set[int] = set()
    for event, _ in read_events(folder.journal):
        if event["event"] == "launched":
            begun.setdefault(event["trial"], []).append(event["time"] / 1000)
        elif event["event"] == "end" and event["state"] == "finished" and event["trial"] in begun:
            if len(begun[event["trial"]]) == 1:
                whole[event["trial"]] = event["time"] / 1000 - begun[event["trial"]][0]
            else:
                again.add(event["trial"])
    return whole | dict.fromkeys(again, median(whole.values())) if whole else {}


def in_time(seconds: float) -> str:
    """Seconds for a person."""
    if seconds < 90:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
