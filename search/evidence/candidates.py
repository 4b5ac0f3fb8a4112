"""Which configurations a confirmation or a last step runs again, on which seeds, and how this is recorded.

A last step (search.final) runs the best few trials of a search again on fresh seeds, without opening the test split.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search.journal.history import ENDED, History, Trial
from search.storage.search_folder import SearchFolder
from search.storage.test_split_log import openings
from spaces.spec import SearchSpec
from trainers.errors import InputError
from trainers.seeds import derive_seed

if TYPE_CHECKING:
    from search.evidence.until_decided import Progress, Rule

CONFIRMS, VALIDATES = (
    "confirms",
    "validates",
)  # the keys under which the folder of a confirmation and that of a last step record their plan
UNTIL_DECIDED = "until_decided"  # the key in a plan for the rule of --until-decided
ABLATION = "ablation"  # the key in a plan for the path of --ablation


@dataclass(frozen=True)
class Candidate:
    """A configuration that runs again, and its label."""

    trial: int  # the number of the search's trial with this configuration
    label: str  # CL, AFCL, CE, … for the best of its family; else trial 25 (CL), or in a last step trial 25
    rank: int  # in the search's own order, from 1


def is_family(label: str) -> bool:
    """Whether a candidate's label is a family, and not `trial 25 (CL)`."""
    return label.isidentifier()


def candidates(history: History, top: int, ranked: Sequence[Trial] | None = None) -> list[Candidate]:
    """A confirmation's candidates: the best finished trial of each family, and the `top` best of all; best first.

    Args:
        history: the search's history.
        top: how many of the best trials are candidates, whatever their family.
        ranked: the search's finished trials, best first; None takes the search's own order.

    Raises:
        InputError: nothing finished.
    """
    own = history.ranked()
    if not own:
        raise InputError("nothing has finished in this search, so there is nothing to confirm")
    ranked, rank_of = own if ranked is None else ranked, {trial.number: rank for rank, trial in enumerate(own, 1)}
    best_of = {trial.family: trial.number for trial in reversed(ranked)}
    chosen = []
    for place, trial in enumerate(ranked, 1):
        if best_of[trial.family] == trial.number:
            chosen.append(Candidate(trial.number, trial.family, rank_of[trial.number]))
        elif place <= top:
            label = f"trial {trial.number} ({trial.family})"
            chosen.append(Candidate(trial.number, label, rank_of[trial.number]))
    return chosen


def best_candidates(history: History, top: int) -> list[Candidate]:
    """A last step's candidates: the `top` best finished trials of all families; fewer if fewer have finished."""
    ranked = enumerate(history.ranked()[:top], 1)
    return [Candidate(trial.number, f"trial {trial.number}", rank) for rank, trial in ranked]


def fresh_seeds(spec: SearchSpec, confirmation: str, count: int) -> list[int]:
    """`count` seeds that no trial of the search had, different for each name `confirmation` (such as confirm-1)."""
    return [derive_seed(spec.search.seed, "confirm", confirmation, k) for k in range(count)]


def final_seeds(spec: SearchSpec, count: int) -> list[int]:
    """`count` seeds for a search's last step, which no trial and no confirmation has. An extension keeps them."""
    return [derive_seed(spec.search.seed, "final", k) for k in range(count)]


def as_plan(chosen: Sequence[Candidate], seeds: Sequence[int]) -> dict[str, Any]:
    """Candidates and seeds as plain values, for the plan in the folder of a confirmation or a last step."""
    return {"candidates": [vars(candidate) for candidate in chosen], "seeds": list(seeds)}


def plan_in(about: dict[str, Any]) -> dict[str, Any] | None:
    """The plan of a confirmation or a last step; None for a search. `about` is what the folder's search.json holds."""
    plan: dict[str, Any] | None = about.get(CONFIRMS) or about.get(VALIDATES)
    return plan


def read_plan(folder: SearchFolder) -> tuple[list[Candidate], list[int]]:
    """The planned candidates and seeds of a confirmation or a last step. Raises InputError if there is no plan."""
    kept = plan_in(folder.about())
    if not kept:
        raise InputError(f"{folder.path} is damaged: its description has no plan of candidates")
    return [Candidate(**one) for one in kept["candidates"]], list(kept["seeds"])


def runs_of(folder: SearchFolder, history: History) -> list[tuple[int, int]]:
    """For each run of a confirmation or a last step, by number: its candidate's and its seed's position in the plan.

    A configuration between the ends of an ablation counts as one more candidate: its position and its runs follow those
    of the candidates. A confirmation that runs in rounds has the runs of the rounds so far and of the next.

    Args:
        folder: the folder of the confirmation or the last step.
        history: the history in that folder.
    """
    chosen, seeds = read_plan(folder)
    if (found := progress_of(folder, history)) is not None:
        return list(found.runs)
    return planned_runs(len(chosen), len(seeds), steps=max(0, _steps_in(folder) - 1))


def _steps_in(folder: SearchFolder) -> int:
    """How many steps the planned ablation has, the last of which leads to a candidate; 0 if no ablation is planned."""
    return len((plan_in(folder.about()) or {}).get(ABLATION, {}).get("steps", []))


def planned_runs(candidates: int, seeds: int, *, steps: int = 0) -> list[tuple[int, int]]:
    """The runs on a fixed number of seeds, each as the positions of its candidate and its seed.

    Args:
        candidates: how many candidates run; their runs are first.
        seeds: on how many seeds each configuration runs.
        steps: how many configurations between the ends of an ablation run too; their positions follow those of the
            candidates.
    """
    after = [(candidates + place, k) for place, k in every_run(steps, seeds)]
    return [*every_run(candidates, seeds), *after]


def declared_rule(folder: SearchFolder) -> "Rule | None":
    """The rule by which a confirmation runs seeds until pairs are decided; None if the number of seeds is fixed."""
    kept = (plan_in(folder.about()) or {}).get(UNTIL_DECIDED)
    if kept is None:
        return None
    from search.evidence.until_decided import read_rule  # imported only here: scipy takes half a second

    return read_rule(kept)


def progress_of(folder: SearchFolder, history: History) -> "Progress | None":
    """How far the rounds of a confirmation with --until-decided have come; None without that option."""
    if (rule := declared_rule(folder)) is None:
        return None
    from search.evidence.until_decided import progress

    return progress(rule, [one.label for one in read_plan(folder)[0]], history)


def planned_in_words(folder: SearchFolder) -> str:
    """A confirmation's plan in words: 3 configurations on 10 seeds."""
    chosen, seeds = read_plan(folder)
    if (rule := declared_rule(folder)) is None:
        path = f" and an ablation of {steps} steps" if (steps := _steps_in(folder)) else ""
        return f"{len(chosen)} configurations on {len(seeds)} seeds{path}"
    return f"{len(chosen)} configurations until decided (--smallest {rule.smallest:g} --max-seeds {rule.max_seeds})"


def earlier_looks(folder: SearchFolder) -> Iterator[str]:
    """A sentence for each earlier confirmation of the same search that looked at the test split."""
    looked = {opening.by for opening in openings(folder.searched.test_openings)}
    for one in folder.searched.confirmations():
        if one.path == folder.path:
            return
        if one.name in looked:
            left = "" if has_ended(one) else ", and was left before its end"
            yield (
                f"{one.name} looked at the same test split before ({planned_in_words(one)}{left}): the chance "
                "that any of them makes a false claim is larger than that of one."
            )


def every_run(candidates: int, seeds: int) -> list[tuple[int, int]]:
    """The (candidate, seed) positions of all runs: first every candidate on the first seed, then on the second, …"""
    return [(place, k) for k in range(seeds) for place in range(candidates)]


def allowed_faults(folder: SearchFolder) -> list[str]:
    """The faults of the test split that the user allowed when the confirmation began, a sentence for each."""
    return [f"Allowed by --allow-copies: {fault}." for fault in folder.about()[CONFIRMS].get("allowed", [])]


def has_ended(folder: SearchFolder) -> bool:
    """Whether all runs of a confirmation or a last step have ended, and no round is to come; False for a search."""
    if not folder.is_begun() or not plan_in(folder.about()):
        return False
    history = folder.history()
    if (found := progress_of(folder, history)) is not None:
        return found.is_over
    return len(history.in_state(*ENDED)) == len(runs_of(folder, history))


def refuse_while_confirming(searched: SearchFolder, *, again: bool) -> None:
    """Raise InputError if a confirmation of the search has begun and not ended, unless `again`.

    Such a confirmation will still open the test split. It checked for earlier looks when it began, and expects none to
    be added.
    """
    for folder in searched.confirmations():
        if not again and folder.is_begun() and not has_ended(folder):
            raise InputError(
                f"{folder.title} has begun and will open the test split: let it end first, or say --again to look "
                f"before it, which is recorded"
            )
