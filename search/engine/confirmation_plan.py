"""The plan of a confirmation: the recorded one, or a new one as the user asks. It is on disk before anything runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search.evidence.ablation import Ablation, ablation_of, read_ablation
from search.evidence.ablation import as_plan as as_path
from search.evidence.candidates import (
    ABLATION,
    CONFIRMS,
    UNTIL_DECIDED,
    Candidate,
    as_plan,
    candidates,
    declared_rule,
    every_run,
    fresh_seeds,
    has_ended,
    planned_in_words,
    planned_runs,
    read_plan,
    runs_of,
)
from search.journal.history import History, Trial
from search.storage.search_folder import SearchFolder
from trainers.errors import InputError

if TYPE_CHECKING:
    from search.evidence.until_decided import Rule

TOP, SEEDS, SMALLEST = 1, 10, 0.01


@dataclass(frozen=True)
class Wanted:
    """What the user asked for. A field that is None takes the value of a confirmation that was begun, else the default.

    With `ablation` False, a confirmation that was begun with an ablation goes on with it.
    """

    top: int | None = None
    seeds: int | None = None
    smallest: float | None = None
    until_decided: bool = False
    max_seeds: int | None = None
    ablation: bool = False

    def check(self) -> None:
        """Raise InputError for options that contradict each other."""
        if self.smallest is not None and not 0 < self.smallest < 1:
            raise InputError(
                f"--smallest: must be above 0 and below 1, as a difference of accuracies is, but got {self.smallest}"
            )
        if self.until_decided and self.ablation:
            raise InputError("--ablation: does not go with --until-decided, as its steps need a fixed number of seeds")
        if not self.until_decided:
            if self.max_seeds is not None:
                raise InputError("--max-seeds: it goes with --until-decided; a fixed number of seeds is --seeds")
            return
        if self.smallest is None or self.max_seeds is None:
            raise InputError("--until-decided: say --smallest D, the difference that matters, and --max-seeds N too")
        if self.seeds is not None:
            raise InputError("--seeds: cannot be combined with --until-decided; say --max-seeds instead")
        from search.evidence.paired_tests import MAX_SEEDS  # imported only here: scipy takes half a second
        from search.evidence.until_decided import FEWEST_SEEDS

        if not FEWEST_SEEDS <= self.max_seeds <= MAX_SEEDS:
            raise InputError(
                f"--max-seeds: from {FEWEST_SEEDS}, as fewer may claim too much where differences are skewed, to "
                f"{MAX_SEEDS}, but this is {self.max_seeds}; a pair ends as soon as it is decided"
            )


@dataclass(frozen=True)
class ConfirmationPlan:
    """What a confirmation runs: the candidates and perhaps the steps of an ablation, on the same seeds."""

    folder: SearchFolder  # the confirmation's; it may not exist yet
    chosen: list[Candidate]
    seeds: list[int]  # all seeds that may run
    rule: "Rule | None" = None  # by which seeds run in rounds until pairs are decided; None: all seeds run
    ablation: Ablation | None = None

    @property
    def steps(self) -> int:
        """How many steps of the ablation run besides the candidates: all but the last step, which is a candidate."""
        return 0 if self.ablation is None else len(self.ablation.between)

    def runs(self, history: History | None) -> Sequence[tuple[int, int]]:
        """For each run, by number, a pair: the position of its candidate in `chosen` and of its seed in `seeds`.

        The steps of an ablation have the positions after the candidates. With a rule, only the runs of the rounds up to
        the next round are returned.

        Args:
            history: the confirmation's history; None if the confirmation was not begun.
        """
        if history is not None:
            return runs_of(self.folder, history)
        if self.rule is not None:
            return every_run(len(self.chosen), self.rule.looks[0])
        return planned_runs(len(self.chosen), len(self.seeds), steps=self.steps)

    def noted(self, **more: Any) -> dict[str, Any]:
        """The plan as the folder records it, with the values of `more`."""
        planned = as_plan(self.chosen, self.seeds) | more
        if self.ablation is not None:
            planned |= {ABLATION: as_path(self.ablation)}
        if self.rule is None:
            return planned
        from search.evidence.until_decided import as_plan as as_declared

        return planned | {UNTIL_DECIDED: as_declared(self.rule)}


def plan_for(
    searched: SearchFolder, wanted: Wanted, history: History, best: Sequence[Trial], *, again: bool
) -> ConfirmationPlan:
    """The plan of the confirmation to run: that of the last confirmation if it agrees with `wanted`, else a new plan.

    Args:
        searched: the search's folder.
        wanted: what the user asked for.
        history: the search's history.
        best: the search's finished trials, best first.
        again: begin a new confirmation if the last one has ended, or was begun with another plan.

    Raises:
        InputError: the last confirmation was begun with another plan and `again` is not set, it is running, or there is
            nothing to confirm.
    """
    begun = searched.confirmations()
    if begun:
        last = begun[-1]
        differs = _differs(last, wanted, history, best)
        if not differs and not (again and has_ended(last)):
            return _begun(last)
        if not again:
            raise InputError(_another_plan(last))
        if (holder := last.holder()) is not None:
            raise InputError(f"{last.title} is run by {holder}; begin another when it has ended")
    folder = searched.next_confirmation()
    chosen = candidates(history, wanted.top or TOP, best)
    if not wanted.until_decided or wanted.smallest is None or wanted.max_seeds is None:
        path = ablation_of(chosen, history.trials) if wanted.ablation else None
        seeds = fresh_seeds(searched.spec(), folder.name, wanted.seeds or SEEDS)
        return ConfirmationPlan(folder, chosen, seeds, ablation=path)
    if len(chosen) < 2:
        raise InputError("--until-decided: one configuration has finished, so there is no pair to decide")
    from search.evidence.until_decided import make_rule  # imported only here: scipy takes half a second

    rule = make_rule(len(chosen), wanted.smallest, wanted.max_seeds)
    return ConfirmationPlan(folder, chosen, fresh_seeds(searched.spec(), folder.name, wanted.max_seeds), rule)


def _begun(folder: SearchFolder) -> ConfirmationPlan:
    chosen, seeds = read_plan(folder)
    return ConfirmationPlan(folder, chosen, seeds, declared_rule(folder), read_ablation(folder))


def _differs(folder: SearchFolder, wanted: Wanted, history: History, best: Sequence[Trial]) -> bool:
    """Whether the plan of a confirmation that was begun differs from what the user asks for."""
    chosen, seeds = read_plan(folder)
    rule = declared_rule(folder)
    if wanted.ablation and ABLATION not in folder.about()[CONFIRMS]:
        return True
    if wanted.top is not None:
        now = {one.trial for one in candidates(history, wanted.top, best)}
        if {one.trial for one in chosen} != now:
            return True
    if rule is None:
        return wanted.until_decided or wanted.seeds not in (None, len(seeds))
    asked = wanted.smallest in (None, rule.smallest) and wanted.max_seeds in (None, rule.max_seeds)
    return wanted.seeds is not None or not asked


def _another_plan(folder: SearchFolder) -> str:
    what = planned_in_words(folder)
    if has_ended(folder):
        return f"{folder.searched.name} was confirmed with {what}; say --again for another confirmation"
    return (
        f"{folder.name} was begun with {what}; go on with it by `{folder.hint('confirm')}`, or say --again to begin "
        "another, which its verdict will mention"
    )


def new_candidates(plan: ConfirmationPlan, wanted: Wanted, history: History, best: Sequence[Trial]) -> str:
    """A remark on candidates that are not in the plan, for example after an extension; empty if there are none."""
    top = wanted.top or _top_of(plan.folder)
    known = {one.trial for one in plan.chosen}
    new = [f"trial {one.trial} ({one.label})" for one in candidates(history, top, best) if one.trial not in known]
    if not new:
        return ""
    mend = f"`{plan.folder.searched.hint('confirm', again=True)}`, which opens the test split once more"
    return f"; new among the best since then: {', '.join(new)}; to confirm them too: {mend}"


def _top_of(folder: SearchFolder) -> int:
    """The `top` with which a confirmation was begun; the default if it was not begun or did not record its `top`."""
    return int(folder.about()[CONFIRMS].get("top", TOP)) if folder.is_begun() else TOP
