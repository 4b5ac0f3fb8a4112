"""Which configurations a confirmation, or a search's last step, runs again, on which seeds; how it is written down."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from search.journal.history import ENDED, History, Trial
from search.storage.search_folder import SearchFolder
from spaces.spec import SearchSpec
from trainers.errors import InputError
from trainers.loss_config import FAMILIES
from trainers.seeds import derive_seed

CONFIRMS, VALIDATES = "confirms", "validates"  # under which a folder notes what a confirmation, or a last step, runs


@dataclass(frozen=True)
class Candidate:
    """A configuration that runs again, and what it stands for."""

    trial: int  # its number in the search
    label: str  # its family (CL, AFCL, CE, …) for the best of each, else trial 25 (CL)
    rank: int  # by the search's own scores, from 1


def candidates(history: History, top: int, ranked: Sequence[Trial] | None = None) -> list[Candidate]:
    """The best finished trial of each family that has one, and the `top` best of all, best first.

    Args:
        history: of the search.
        top: how many of all.
        ranked: its finished trials, best first, where not their own scores rank them.

    Raises:
        InputError: nothing finished.
    """
    own = history.ranked()
    if not own:
        raise InputError("nothing has finished in this search, so there is nothing to confirm")
    ranked, rank_of = own if ranked is None else ranked, {trial.number: rank for rank, trial in enumerate(own, 1)}
    best_of = {family: next((t.number for t in ranked if t.family == family), None) for family in FAMILIES}
    chosen = []
    for place, trial in enumerate(ranked, 1):
        if best_of[trial.family] == trial.number:
            chosen.append(Candidate(trial.number, trial.family, rank_of[trial.number]))
        elif place <= top:
            label = f"trial {trial.number} ({trial.family})"
            chosen.append(Candidate(trial.number, label, rank_of[trial.number]))
    return chosen


def best_candidates(history: History, top: int) -> list[Candidate]:
    """The best `top` finished trials of all, whatever their family; fewer where fewer have finished."""
    ranked = enumerate(history.ranked()[:top], 1)
    return [Candidate(trial.number, f"trial {trial.number}", rank) for rank, trial in ranked]


def fresh_seeds(spec: SearchSpec, confirmation: str, count: int) -> list[int]:
    """Seeds that no trial of the search had, others for each confirmation."""
    return [derive_seed(spec.search.seed, "confirm", confirmation, k) for k in range(count)]


def final_seeds(spec: SearchSpec, count: int) -> list[int]:
    """Seeds of a search's last step, that neither a trial nor a confirmation has; the same after an extension."""
    return [derive_seed(spec.search.seed, "final", k) for k in range(count)]


def as_plan(chosen: Sequence[Candidate], seeds: Sequence[int]) -> dict[str, Any]:
    """Candidates and seeds as a folder notes them."""
    return {"candidates": [vars(candidate) for candidate in chosen], "seeds": list(seeds)}


def plan_in(about: dict[str, Any]) -> dict[str, Any] | None:
    """What a folder says of a confirmation or a last step; None in that of a search."""
    plan: dict[str, Any] | None = about.get(CONFIRMS) or about.get(VALIDATES)
    return plan


def read_plan(folder: SearchFolder) -> tuple[list[Candidate], list[int]]:
    """Candidates and seeds of a confirmation, or of a last step, that was begun."""
    kept = plan_in(folder.about())
    if not kept:
        raise InputError(f"{folder.path} is damaged: what it says of itself plans no candidates")
    return [Candidate(**one) for one in kept["candidates"]], list(kept["seeds"])


def runs_of(folder: SearchFolder, history: History) -> list[tuple[int, int]]:
    """Which run of a confirmation, or of a last step, is which, by number: the places of its candidate and seed.

    Args:
        folder: of the confirmation, or of the last step.
        history: what has happened in it.
    """
    chosen, seeds = read_plan(folder)
    return every_run(len(chosen), len(seeds))


def every_run(candidates: int, seeds: int) -> list[tuple[int, int]]:
    """Each candidate with the first seed, then each with the second, and so on, as places."""
    return [(place, k) for k in range(seeds) for place in range(candidates)]


def allowed_faults(folder: SearchFolder) -> list[str]:
    """What is wrong with a confirmation's test split and was allowed when it was begun, a sentence each."""
    return [f"Allowed by --allow-copies: {fault}." for fault in folder.about()[CONFIRMS].get("allowed", [])]


def has_ended(folder: SearchFolder) -> bool:
    """Whether every run of a confirmation, or of a last step, has ended."""
    if not folder.is_begun() or not plan_in(folder.about()):
        return False
    history = folder.history()
    return len(history.in_state(*ENDED)) == len(runs_of(folder, history))
