"""The last step of a search: its best few run again on fresh splits and seeds, and the test split stays shut.

It runs like a search, in a folder of its own inside the search's (final-1), with a journal of its own: what was
interrupted goes on where it was. After an extension those that are new among the best few follow, on the same seeds.
"""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from search.engine.compatibility import refuse_other_code, refuse_other_data
from search.engine.display import Display
from search.engine.paired_runs import GIVEN_SPLIT, PairedAgenda, folder_maker, paired_task
from search.engine.prepare import prepared
from search.engine.runner import SessionEnd, drive
from search.evidence.candidates import VALIDATES, as_plan, final_seeds, has_ended, read_plan
from search.evidence.ranking import lacking
from search.storage.fetch import bring_inner
from search.storage.ownership import taken
from search.tracking.outbox import deliver
from spaces.sections import FinalConfig
from trainers.data import load


def with_last_step(
    found: SessionEnd,
    *,
    data: Path | None = None,
    address: str | None = None,
    anyway: bool = False,
    display: Display,
) -> SessionEnd:
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
    searched = found.folder
    final = searched.spec().search.final
    if found.reason != "done" or final is None:
        return found
    if searched.storage is not None:  # another host may have gone on with it
        with taken(searched, display.say):
            bring_inner(searched)
    # one that was interrupted may be followed by one of those that are new since: twice at most
    while found.reason == "done" and lacking(searched, found.history, final.top):
        last = _validate_best(found, final, data=data, address=address, anyway=anyway, display=display)
        found = replace(
            found,
            reason=last.reason,
            undelivered=found.undelivered + last.undelivered,
            tracking_problem=found.tracking_problem or last.tracking_problem,
            different=_both(found.different, last.different),
            refused=found.refused or last.refused,
            ran=True,
        )
        if last.reason == "done":
            deliver(searched, display.say)  # the order that follows from it
    return found


def _validate_best(
    found: SessionEnd, final: FinalConfig, *, data: Path | None, address: str | None, anyway: bool, display: Display
) -> SessionEnd:
    """Run what a search that is through still lacks of its last step, or what was begun of it."""
    searched, spec, history = found.folder, found.folder.spec(), found.history
    folder = next((one for one in searched.finals() if not has_ended(one)), searched.next_final())
    begun = [folder] if folder.is_begun() else []
    if not found.ran:  # else the session that ended just now has looked
        refuse_other_data(searched, load(spec.data, data))
    refuse_other_code(searched, *begun, anyway=anyway, say=display.say)
    if begun:
        chosen, seeds = read_plan(folder)
    else:
        chosen, seeds = lacking(searched, history, final.top), final_seeds(spec, final.seeds)
    numbers = ", ".join(str(candidate.trial) for candidate in chosen)
    display.say(f"{searched.name}: the last step runs the best trials ({numbers}) again on {len(seeds)} fresh seeds")
    arrays = {seed: load(spec.data.model_copy(update={"seed": seed}), data) for seed in seeds}
    if arrays[seeds[0]].has_given_validation:
        display.say(GIVEN_SPLIT)
    task = paired_task(folder, PairedAgenda(history.trials, chosen, seeds), arrays)
    begin = folder_maker(task, VALIDATES, as_plan(chosen, seeds))
    with (
        taken(folder, display.say) if folder.is_begun() else nullcontext() as hold,
        prepared(task, address=address, display=display, hold=hold, begin=begin) as session,
    ):
        return drive(session)


def _both(one: list[str] | None, other: list[str] | None) -> list[str] | None:
    """What MLflow has otherwise in either; None where that could not be counted in one of them."""
    return None if one is None or other is None else one + other
