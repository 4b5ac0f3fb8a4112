"""Which configurations a confirmation trains again, on which seeds, and what its folder remembers of that."""

from dataclasses import dataclass

from search.journal.history import ENDED, History
from search.storage.search_folder import SearchFolder
from spaces.sections import FAMILIES
from spaces.spec import SearchSpec
from trainers.errors import InputError
from trainers.seeds import derive_seed


@dataclass(frozen=True)
class Candidate:
    """A configuration to be confirmed, and what it stands for."""

    trial: int  # its number in the search
    label: str  # CL, FCL, ACL or AFCL for the best of each, else trial 25 (CL)
    rank: int  # in the search, from 1


def candidates(history: History, top: int) -> list[Candidate]:
    """The best finished trial of each family that has one, and the `top` best of all, by rank.

    Raises InputError where nothing finished.
    """
    ranked = history.ranked()
    if not ranked:
        raise InputError("nothing has finished in this search, so there is nothing to confirm")
    best_of = {family: next((t.number for t in ranked if t.family == family), None) for family in FAMILIES}
    chosen = []
    for rank, trial in enumerate(ranked, 1):
        if best_of[trial.family] == trial.number:
            chosen.append(Candidate(trial.number, trial.family, rank))
        elif rank <= top:
            chosen.append(Candidate(trial.number, f"trial {trial.number} ({trial.family})", rank))
    return chosen


def fresh_seeds(spec: SearchSpec, confirmation: str, count: int) -> list[int]:
    """Seeds that no trial of the search had, others for each confirmation."""
    return [derive_seed(spec.search.seed, "confirm", confirmation, k) for k in range(count)]


def read_plan(folder: SearchFolder) -> tuple[list[Candidate], list[int]]:
    """Candidates and seeds of a confirmation that was begun."""
    kept = folder.about()["confirms"]
    return [Candidate(**one) for one in kept["candidates"]], list(kept["seeds"])


def allowed_faults(folder: SearchFolder) -> list[str]:
    """What is wrong with a confirmation's test split and was allowed when it was begun, a sentence each."""
    return [f"Allowed by --allow-copies: {fault}." for fault in folder.about()["confirms"].get("allowed", [])]


def is_confirmed(folder: SearchFolder) -> bool:
    """Whether every run of a confirmation has ended."""
    if not folder.is_begun():
        return False
    chosen, seeds = read_plan(folder)
    return len(folder.history().in_state(*ENDED)) == len(chosen) * len(seeds)
