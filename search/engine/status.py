"""The state of a search in a word, and counts of its trials."""

from collections.abc import Iterator

from search.algorithms.proposer import planned_by_now
from search.evidence.candidates import has_ended, plan_in, planned_in_words, runs_of
from search.evidence.ranking import is_wanted
from search.journal.history import ENDED, STATE_WORDS, History
from search.storage import published
from search.storage.search_folder import SearchFolder

WORDS = {
    "stopped": "stopped as asked",
    "max_hours": "the time budget is spent",
    published.STATE: "published: results without their journal",
}


def search_state(folder: SearchFolder, history: History) -> str:
    """A search's state: running, done, published, interrupted, or another reason why its last session ended.

    A search is interrupted, too, if its driver was killed or its last step is not complete; a confirmation, if a round
    is still to run.
    """
    if any(one.holder() is not None for one in (folder, *folder.finals())):
        return "running"
    if folder.is_published():
        return published.STATE
    if history.closed is None:
        return "interrupted"
    reason = str(history.closed["reason"])
    if reason != "done":
        return reason
    is_whole = folder.searched is folder
    is_waiting = is_wanted(folder, folder.spec(), history) if is_whole else not has_ended(folder)  # between two rounds
    return "interrupted" if is_waiting else reason


def state_in_words(state: str) -> str:
    """The text to show for a state of `search_state`."""
    return WORDS.get(state, state)


def planned_in(folder: SearchFolder, history: History) -> int:
    """How many trials a search, its last step or a confirmation will have; of a published search, how many it has."""
    if folder.is_published() and history.trials:
        return len(history.trials)
    if plan_in(folder.about()) is not None:
        return len(runs_of(folder, history))
    return planned_by_now(folder.spec(), history)


def counts_line(folder: SearchFolder, history: History) -> str:
    """How many trials are in each state, in words: 5 finished, 9 stopped; with `stop_when: luck` also 40 left out.

    Before all planned trials have ended: 3 of 14 ended (3 finished), 2 begun.

    A published confirmation has no trials here: its plan is told instead.
    """
    if folder.is_published() and not history.trials and plan_in(folder.about()) is not None:
        return planned_in_words(folder)
    counts = history.counts()

    def told(only_ended: bool) -> str:
        states = [state for state in STATE_WORDS if counts[state] and (state in ENDED) == only_ended]
        return ", ".join(f"{counts[state]} {STATE_WORDS[state]}" for state in states)

    ended, others, planned = len(history.in_state(*ENDED)), told(only_ended=False), planned_in(folder, history)
    if ended == planned and not others:
        left_out = "" if history.enough is None else f", {history.enough['left']} left out"
        return (told(only_ended=True) or "no trials") + left_out
    return f"{ended} of {planned} ended" + (f" ({told(True)})" if ended else "") + (f", {others}" if others else "")


def luck_in_words(history: History) -> Iterator[str]:
    """Why a search did not run its whole plan, as a sentence; nothing if it did, or ended for another reason."""
    if (found := history.enough) is not None:
        one = found["left"] == 1
        left, was, they = ("1 trial", "was", "it is") if one else (f"{found['left']} trials", "were", "they are")
        yield (
            f"{left} of the plan {was} not run: {they} expected to gain about {found['gain']:.4f}, and luck moves the "
            f"best score by {found['noise']:.4f} (search.stop_when: luck)."
        )
