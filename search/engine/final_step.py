"""The last step of a search: run its best few trials again on fresh splits and seeds. The test split stays closed.

The step runs like a search, in a folder inside the search's folder (final-1) and with its own journal, so it can be
interrupted and resumed. If an extension brings new trials among the best few, these are run on the same seeds.
"""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from search.engine.compatibility import refuse_other_code, refuse_other_data
from search.engine.display import Display
from search.engine.first_parts import tried
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
    """Run a search's last step if its spec has one and all its trials have ended. What was run before is not repeated.

    Args:
        found: how the session of the search itself ended. The session's driver must have released the search.
        data: the folder of data sets and caches; see `search.run`.
        address: "auto" or HOST:PORT of a running Ray cluster; see `search.run`.
        anyway: go on even if the code that computes scores, or that decides which trials stop, has changed since the
            search or its last step began.
        display: shows the progress.

    Returns:
        How the session and the last step ended together; `found` itself if nothing was run.

    Raises:
        InputError: the search or the step began with other code (unless `anyway`), or on other data.
        EnvironmentProblem: this machine or the cluster lacks something.
    """
    searched = found.folder
    final = searched.spec().search.final
    if found.reason != "done" or final is None:
        return found
    if searched.storage is not None:  # another host may have run a part of the step
        with taken(searched, display.say):
            bring_inner(searched)
    # at most two rounds: an interrupted step first, then a step for trials that are new among the best
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
            deliver(searched, display.say)  # MLflow gets the means and the new order
    return found


def _validate_best(
    found: SessionEnd, final: FinalConfig, *, data: Path | None, address: str | None, anyway: bool, display: Display
) -> SessionEnd:
    """Go on with a last step that was begun, or else begin one for the trials that still lack it."""
    searched, spec, history = found.folder, found.folder.spec(), found.history
    folder = next((one for one in searched.finals() if not has_ended(one)), searched.next_final())
    begun = [folder] if folder.is_begun() else []
    if not found.ran:  # a session that ran has checked the data already
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
    tried(spec, arrays[seeds[0]].train.images.shape[1:], proposes=False)
    task = paired_task(folder, PairedAgenda(history.trials, chosen, seeds), arrays)
    begin = folder_maker(task, VALIDATES, as_plan(chosen, seeds))
    with (
        taken(folder, display.say) if folder.is_begun() else nullcontext() as hold,
        prepared(task, address=address, display=display, hold=hold, begin=begin) as session,
    ):
        return drive(session)


def _both(one: list[str] | None, other: list[str] | None) -> list[str] | None:
    """The differences between MLflow and the journal in two sessions; None if one of the two was not compared."""
    return None if one is None or other is None else one + other
