"""What a confirmation will cost and what it can show, computed before the test split is opened."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median
from typing import TYPE_CHECKING

from search.engine.confirmation_plan import SMALLEST
from search.evidence.candidates import Candidate, progress_of
from search.journal.history import History
from search.journal.log import read_events
from search.storage.search_folder import SearchFolder
from trainers.errors import InputError

if TYPE_CHECKING:
    from search.evidence.until_decided import Rule

LEVEL = 0.95


def forecast(
    searched: SearchFolder,
    history: History,
    chosen: Sequence[Candidate],
    seeds: int,
    *,
    ended: int = 0,
    smallest: float | None = None,
    rule: "Rule | None" = None,
    steps: int = 0,
) -> Iterator[str]:
    """Lines that say what a confirmation will cost and can show.

    Args:
        searched: the search.
        history: the search's history.
        chosen: the candidates.
        seeds: how many fresh seeds the candidates run on.
        ended: how many of the confirmation's runs have ended.
        smallest: the smallest difference that matters; None takes SMALLEST.
        rule: the rule by which seeds run until pairs are decided; None for a fixed number of seeds.
        steps: how many steps of an ablation run besides the candidates.
    """
    if rule is not None:
        yield cost(searched, history, chosen, len(chosen) * rule.max_seeds - ended, "at most ")
        yield _what_it_decides(searched, history, len(chosen), rule)
        return
    yield cost(searched, history, chosen, (len(chosen) + steps) * seeds - ended, steps=steps)
    pairs = math.comb(len(chosen), 2)
    if pairs == 0:
        yield "tells    the mean of one configuration: there is nothing to compare it with"
        return
    yield what_it_tells(searched, history, pairs, seeds, smallest or SMALLEST)
    from search.evidence.paired_tests import MIN_SEEDS  # imported only here: scipy takes half a second

    if seeds < MIN_SEEDS:
        yield (
            f"warning  with fewer than {MIN_SEEDS} seeds no difference can be shown, and the test split is opened in "
            f"vain; stop it and say --seeds {MIN_SEEDS} or more"
        )


def cost(
    searched: SearchFolder, history: History, chosen: Sequence[Candidate], runs: int, most: str = "", *, steps: int = 0
) -> str:
    """A line with the expected time of `runs` runs, which are shared equally among the candidates.

    `most` is put before the number of runs: "at most " if not all of them may be needed, else empty. `steps` is how
    many steps of an ablation run besides the candidates; a step's run is taken to last as long as a candidate's.
    """
    what = f"{most}{runs} runs of {len(chosen) + steps} configurations"
    took = trial_seconds(searched)
    seconds = [took[one.trial] for one in chosen if one.trial in took]
    if not seconds:
        return f"cost     {what}; how long one takes is not known from the search"
    each = sum(seconds) / len(seconds)
    slots = int(history.sessions[-1].get("slots", 1)) if history.sessions else 1
    told = f"about {in_time(runs * each / max(1, slots))} in {slots} slot{'s' * (slots != 1)}"
    return f"cost     {what}, {told}: in the search they took {in_time(each)} each"


def what_it_tells(searched: SearchFolder, history: History, pairs: int, seeds: int, smallest: float) -> str:
    """A line that says how many seeds a difference of `smallest` needs, and which difference `seeds` seeds can find.

    Needed are the fewest seeds with which a two-sided paired t test at α/pairs has power .8 (`seeds_needed`).
    """
    from search.evidence.paired_tests import MAX_SEEDS, seeds_needed  # imported only here: scipy takes half a second
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


def _what_it_decides(searched: SearchFolder, history: History, candidates: int, rule: "Rule") -> str:
    from search.evidence.spread import expected_spread  # imported only here: scipy takes half a second
    from search.evidence.until_decided import smallest_decidable

    told = f"rounds   {rule.in_words()}"
    spread = expected_spread(searched, history)
    if spread is None:
        return f"{told}; what that decides is not known: too few trials to guess a spread from"
    least = smallest_decidable(candidates, rule.max_seeds) * spread.sd
    return (
        f"{told}; they decide differences of {least:.3g} and more with power .8 (α .05 over {rule.pairs} "
        f"pair{'s' * (rule.pairs != 1)}; sd of a paired difference {spread.sd:.4f}, {spread.source})"
    )


def refuse_undecidable(searched: SearchFolder, history: History, candidates: int, rule: "Rule") -> None:
    """Raise InputError if the rule's seeds decide its smallest difference with a probability below POWER.

    The message says which number of seeds, or which difference, would do.
    """
    from search.evidence.paired_tests import MAX_SEEDS, POWER  # imported only here: scipy takes half a second
    from search.evidence.spread import expected_spread
    from search.evidence.until_decided import chance_to_decide, seeds_to_decide, smallest_decidable

    spread = expected_spread(searched, history)
    if spread is None or chance_to_decide(rule, rule.smallest / spread.sd) >= POWER:
        return
    needed = seeds_to_decide(candidates, rule.smallest / spread.sd)
    larger = math.ceil(1e4 * smallest_decidable(candidates, rule.max_seeds) * spread.sd) / 1e4
    seeds = f"no --max-seeds up to {MAX_SEEDS}" if needed is None else f"--max-seeds {needed}"
    raise InputError(
        f"--smallest {rule.smallest:g}: {rule.max_seeds} seeds can hardly decide it at the expected spread (sd of a "
        f"paired difference {spread.sd:.4f}, {spread.source}): {seeds} would, or --smallest {larger:g}"
    )


def round_in_words(folder: SearchFolder, rule: "Rule") -> str:
    """A line with the seeds of a confirmation's next round, and the pairs that are not decided yet."""
    first = f"round 1 of {len(rule.looks)}: seeds 1 to {rule.looks[0]}, every pair is open"
    if not folder.is_begun():
        return first
    found = progress_of(folder, folder.history())
    if found is None or found.rounds == 0:
        return first
    open_ = ", ".join(f"{pair.a} − {pair.b}" for pair in found.still_open())
    seeds = f"seeds {rule.looks[found.rounds - 1] + 1} to {rule.looks[found.rounds]}"
    return f"round {found.rounds + 1} of {len(rule.looks)}: {seeds}, open is {open_}"


def trial_seconds(folder: SearchFolder) -> dict[int, float]:
    """How many seconds the epochs of each finished trial took, by its number, without the start of its worker.

    The time from the first report to the last, without pauses, is that of all epochs but one of each part; it is scaled
    up to all. A trial that was
    begun more than once, or has one report only, gets the median of the others. Empty if no trial could be timed.
    """
    begun: Counter[int] = Counter()
    reports: dict[int, list[list[float]]] = {}  # by trial, for each time between two pauses
    finished: list[int] = []
    for event, _ in read_events(folder.journal):
        if event["event"] == "launched":
            begun[event["trial"]] += 1
        elif event["event"] == "result":
            reports.setdefault(event["trial"], [[]])[-1].append(event["time"] / 1000)
        elif event["event"] == "promoted":
            reports[event["trial"]].append([])
            begun[event["trial"]] -= 1  # the launch to come is no second attempt
        elif event["event"] == "end" and event["state"] == "finished":
            finished.append(event["trial"])
    told = {number: list(filter(None, reports[number])) for number in finished if begun[number] == 1}
    timed = {number: sum(len(at) - 1 for at in parts) for number, parts in told.items()}
    whole = {
        number: sum(at[-1] - at[0] for at in parts) * sum(map(len, parts)) / timed[number]
        for number, parts in told.items()
        if timed[number] > 0
    }
    return dict.fromkeys(finished, median(whole.values())) | whole if whole else {}


def in_time(seconds: float) -> str:
    """A duration as text, such as 12 s, 5 min or 2.0 h."""
    if seconds < 90:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
