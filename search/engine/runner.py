"""Run, resume and extend a search. Resume and extend are the same thing as run: a new Tuner, fed by the journal."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from search.algorithms.proposer import SearchAgenda, planned_trials
from search.engine import preflight
from search.engine.advice import no_test_split
from search.engine.compatibility import known_event, older_search, refuse_other_code, refuse_other_data
from search.engine.contact_sheet import leave_contact_sheet
from search.engine.controller import is_complete
from search.engine.display import Display
from search.engine.driving import SearchResult, drive
from search.engine.final_step import validate_best
from search.engine.image_check import check_images
from search.engine.interrupts import connected_quietly, told_how_to_go_on
from search.engine.plan import check_workers, make_plan
from search.engine.prepare import Task, prepared
from search.evidence.candidates import read_plan
from search.storage.fetch import opened
from search.storage.ownership import refuse_stored, taken
from search.storage.provenance import about_data, provenance
from search.storage.results_folder import create_folder, refuse_existing
from search.storage.search_folder import SearchFolder, results_root
from search.tracking.client import anchored_store
from search.tracking.delivered import undelivered
from spaces.spec import SearchSpec
from trainers.data import load, missing_test
from trainers.data.arrays import TrialData
from trainers.data.paths import anchored
from trainers.errors import InputError


def run(
    spec: SearchSpec,
    *,
    results: Path | None = None,
    data: Path | None = None,
    address: str | None = None,
    start_from: str | None = None,
    display: Display,
) -> SearchResult:
    """Run a new search to its end.

    results, data: as `--results` and `--data`. address: None runs a Ray of our own on this machine, else "auto" or
    HOST:PORT of a running cluster. start_from: an older search on the same data, whose trials the sampler is told.
    Raises InputError and EnvironmentProblem before anything is written.
    """
    root = results_root(results)
    refuse_existing(root, spec.name)
    refuse_stored(spec)
    store = spec.tracking.model_copy(update={"uri": anchored_store(spec.tracking.uri)})
    arrays = load(spec.data, data)
    # resume and train may stand in another folder
    spec = spec.model_copy(update={"data": anchored(spec.data), "tracking": store})
    check_workers(spec, arrays)
    check_images(spec, arrays)
    older = older_search(root, start_from, spec, arrays) if start_from is not None else None
    task = _search_task(SearchFolder(root / spec.name), spec, arrays)
    # what no cluster could mend is told before one is joined
    preflight.check_folder(root, task.plan.in_slots(1), stored=spec.storage.uri is not None)
    _say_of_data(spec, arrays, display)
    if (mend := missing_test(spec.data, data)) is not None:
        display.say(no_test_split(mend))

    def begin() -> None:
        begun = [] if older is None else [known_event(older)]
        create_folder(root, spec, provenance(about_data(arrays)), begun=begun)
        leave_contact_sheet(task.folder, spec, arrays, display.say)

    with told_how_to_go_on(task.folder, display), connected_quietly(address, display):
        with prepared(task, address=address, display=display, begin=begin) as session:
            found = drive(session)
        return _with_last_step(found, data=data, address=address, display=display)


def _say_of_data(spec: SearchSpec, arrays: TrialData, display: Display) -> None:
    for line in (f"{spec.name}: {arrays.description}", *arrays.remarks):
        display.say(line)


def resume(
    name: str,
    *,
    extend_by: int = 0,
    results: Path | None = None,
    data: Path | None = None,
    address: str | None = None,
    storage: str | None = None,
    anyway: bool = False,
    display: Display,
) -> SearchResult:
    """Go on with a search whose driver ended or died, from its journal; nothing happens when it is complete.

    A search is complete when its last step is.

    extend_by: so many proposed trials more than it was planned with. storage: the store that has the search, where its
    folder is not here. anyway: also when the code that decides scores and decisions is not that which it began
    with.
    """
    folder = opened(results_root(results), name, storage)
    with told_how_to_go_on(folder, display), ExitStack() as ray:
        with taken(folder, display.say) as hold:
            spec, history = folder.spec(), hold.history
            if extend_by == 0 and is_complete(SearchAgenda(spec, 1), history):
                found = SearchResult(folder, history, "done", undelivered(folder), None, None, None, ran=False)
            else:
                arrays = load(spec.data, data)
                refuse_other_data(folder, arrays)
                refuse_other_code(folder, anyway=anyway, say=display.say)
                leave_contact_sheet(folder, spec, arrays, display.say)
                _say_of_data(spec, arrays, display)
                if extend_by:
                    display.say(_extended_in_words(spec, history.extra, extend_by))
                task = _search_task(folder, spec, arrays, history.extra, extend_by)
                ray.enter_context(connected_quietly(address, display))
                with prepared(task, address=address, display=display, hold=hold) as session:
                    found = drive(session)
        found = _with_last_step(found, data=data, address=address, anyway=anyway, display=display)
        if not found.ran:
            display.say(f"{name} is complete: there is nothing left to run")
        return found


def _with_last_step(
    found: SearchResult, *, data: Path | None, address: str | None, anyway: bool = False, display: Display
) -> SearchResult:
    """How a search ended, its last step included, which follows where all of its trials have ended."""
    if found.reason != "done" or not found.history.ranked():
        return found
    last = validate_best(found.folder, data=data, address=address, anyway=anyway, display=display)
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


def _search_task(folder: SearchFolder, spec: SearchSpec, arrays: TrialData, extra: int = 0, extend_by: int = 0) -> Task:
    """What a session of a search is to run.

    extra: so many trials the search was extended by before. extend_by: so many it is extended by now.
    """
    return Task(
        folder,
        spec,
        make_plan(spec, arrays, extra + extend_by),
        data={spec.data.seed: arrays},
        agenda=lambda slots: SearchAgenda(spec, slots),
        extend_by=extend_by,
        validated=frozenset(one.trial for final in folder.finals() for one in read_plan(final)[0]),
    )


def _extended_in_words(spec: SearchSpec, extra: int, extend_by: int) -> str:
    """How much longer an extended search is. Raises InputError where its grid has no more points."""
    planned = planned_trials(spec, extra)
    more = planned_trials(spec, extra + extend_by) - planned
    if more == 0:
        raise InputError(f"--trials: the grid of {spec.name} has no more points; search.grid_points sets them")
    return f"{more} {'trial' if more == 1 else 'trials'} more than the {planned} planned so far"
