"""The last step of a search: its best few run again on fresh splits and seeds, and the test split stays shut.

It runs like a search, in a folder of its own inside the search's (final-1), with a journal of its own: what was
interrupted goes on where it was. After an extension those that are new among the best few follow, on the same seeds.
"""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from search.engine.compatibility import refuse_other_code
from search.engine.display import Display
from search.engine.paired_runs import GIVEN_SPLIT, PairedAgenda, begun_with, paired_task
from search.engine.prepare import prepared
from search.engine.runner import SearchResult, drive
from search.evidence.candidates import VALIDATES, as_plan, final_seeds, has_ended, read_plan
from search.evidence.final_ranking import is_wanted, lacking
from search.storage.fetch import bring_inner
from search.storage.ownership import taken
from search.storage.search_folder import SearchFolder
from trainers.data import load


def with_last_step(
    found: SearchResult,
    *,
    data: Path | None = None,
    address: str | None = None,
    anyway: bool = False,
    display: Display,
) -> SearchResult:
    """How a search ended, its last step included, which follows where all of its trials have ended.

    Args:
        found: how the session of the search itself ended. No driver has it any more.
        data: as `--data`.
        address: as `--address`.
        anyway: go on also where the code is not that which the step began with.
        display: where the session speaks.

    Raises:
        InputError: the step began with other code, and not `anyway`.
        EnvironmentProblem: as a search does.
    """
    if found.reason != "done":
        return found
    last = _validate_best(found.folder, data=data, address=address, anyway=anyway, display=display)
    if last is None:
        return found
    return replace(
        found,
        reason=last.reason,
        undelivered=found.undelivered + last.undelivered,
        tracking_problem=found.tracking_problem or last.tracking_problem,
        refused=found.refused or last.refused,
        ran=True,
    )


def _validate_best(
    searched: SearchFolder, *, data: Path | None, address: str | None, anyway: bool, display: Display
) -> SearchResult | None:
    """Run what a search that is through still lacks of its last step; None where that is nothing."""
    if searched.storage is not None:  # another host may have gone on with it
        with taken(searched, display.say):
            bring_inner(searched)
    spec, history = searched.spec(), searched.history()
    if spec.search.final is None or not is_wanted(searched, spec, history):
        return None
    unfinished = [one for one in searched.finals() if not has_ended(one)]
    folder = unfinished[0] if unfinished else searched.next_final()
    if folder.is_begun():
        chosen, seeds = read_plan(folder)
        refuse_other_code(folder, anyway=anyway, say=display.say)
    else:
        chosen = lacking(searched, history, spec.search.final.top)
        seeds = final_seeds(spec, spec.search.final.seeds)
    told = ", ".join(candidate.label for candidate in chosen)
    display.say(f"{searched.name}: {told} again on {len(seeds)} fresh seeds, scored on their validation images")
    arrays = {seed: load(spec.data.model_copy(update={"seed": seed}), data) for seed in seeds}
    if arrays[seeds[0]].has_given_validation:
        display.say(GIVEN_SPLIT)
    task = paired_task(folder, PairedAgenda(history.trials, chosen, seeds), arrays)
    begin = begun_with(task, VALIDATES, as_plan(chosen, seeds))
    with (
        taken(folder, display.say) if folder.is_begun() else nullcontext() as hold,
        prepared(task, address=address, display=display, hold=hold, begin=begin) as session,
    ):
        return drive(session)
