"""Run, resume and extend a search. All three work alike: a new Ray Tuner runs what the journal still lacks."""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from search.algorithms.luck import luck_of
from search.algorithms.proposer import SearchAgenda, planned_by_now
from search.cluster.membership import on_cluster
from search.cluster.ray_output import quiet
from search.cluster.slots import Slots
from search.engine import preflight
from search.engine.advice import no_test_split
from search.engine.checkpoint_retention import Keeper
from search.engine.compatibility import known_event, older_search, refuse_other_code, refuse_other_data
from search.engine.contact_sheet import leave_contact_sheet
from search.engine.controller import Conductor, PausedError, is_complete
from search.engine.display import Display
from search.engine.first_parts import tried
from search.engine.image_check import check_images
from search.engine.interrupts import Signals, connected_quietly, shown, signals_taken, told_how_to_go_on
from search.engine.plan import check_workers, make_plan
from search.engine.prepare import Session, Task, prepared
from search.engine.ray_tune import ConductorStopper, tuner
from search.evidence.candidates import read_plan
from search.journal.history import History
from search.storage.fetch import opened
from search.storage.ownership import Hold, refuse_stored, taken
from search.storage.provenance import about_data, code_hash, provenance
from search.storage.published import need_journal
from search.storage.results_folder import create_folder, refuse_existing
from search.storage.search_folder import SearchFolder, results_root
from search.tracking.client import anchored_store, tracking_uri
from search.tracking.delivered import undelivered
from search.tracking.optuna_study import OptunaView
from search.tracking.outbox import Tracker
from spaces.spec import SearchSpec
from trainers.data import load, missing_test
from trainers.data.arrays import TrialData
from trainers.data.paths import anchored
from trainers.data.validation_size import without_auto
from trainers.errors import EnvironmentProblem, InputError

DELIVERY_PATIENCE = 60.0  # seconds at the end of a session to deliver what MLflow lacks


@dataclass(frozen=True)
class SessionEnd:
    """How a session of a search ended."""

    folder: SearchFolder
    history: History
    reason: str  # done, interrupted, max_hours, stopped, or why the search gave up
    undelivered: int  # how many events MLflow lacks
    tracking_problem: str | None  # why nothing could be delivered to MLflow at the end; None if delivery worked
    parent_run: tuple[str, str] | None  # MLflow's ids of experiment and run; None if it has none, or nothing ran
    different: list[str] | None  # how MLflow and the journal differ, in words; None: they were not compared
    refused: bool = False  # whether MLflow refused something; the user was told what
    ran: bool = True  # False if the search was complete, so that nothing was left to run


Then: TypeAlias = Callable[[SessionEnd], SessionEnd]  # runs after a session, and returns how both ended together


def itself(found: SessionEnd) -> SessionEnd:
    """Return `found`: nothing runs after the session."""
    return found


def run(
    spec: SearchSpec,
    *,
    results: Path | None = None,
    data: Path | None = None,
    address: str | None = None,
    start_from: str | None = None,
    then: Then = itself,
    display: Display,
) -> SessionEnd:
    """Run a new search to its end.

    Args:
        spec: the search's spec.
        results: the results folder; see `search.run`.
        data: the folder of data sets and caches; see `search.run`.
        address: "auto" or HOST:PORT of a running Ray cluster; see `search.run`.
        start_from: the name of an older search on the same data. The new search's sampler starts from the results of
            that search's trials.
        then: runs the last step. It is called with how the session ended, while Ray still runs, and returns how both
            ended.
        display: shows the progress.

    Raises:
        InputError: the spec or an argument is wrong. Nothing was written.
        EnvironmentProblem: this machine or the cluster lacks something.
    """
    root = results_root(results)
    refuse_existing(root, spec.name)
    refuse_stored(spec)
    store = spec.tracking.model_copy(update={"uri": anchored_store(spec.tracking.uri)})
    arrays = load(spec.data, data)
    # paths are made absolute, as `resume` and `train` may be called from another folder
    changes = {"data": anchored(without_auto(spec.data, arrays)), "tracking": store}
    spec = spec.model_copy(update=tried(spec, arrays.train.images.shape[1:]) | changes)
    check_workers(spec, arrays)
    check_images(spec, arrays)
    older = older_search(root, start_from, spec, arrays) if start_from is not None else None
    task = _search_task(SearchFolder(root / spec.name), spec, arrays)
    # faults that do not depend on the cluster are reported before a cluster is joined
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
        return then(found)


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
    then: Then = itself,
    display: Display,
) -> SessionEnd:
    """Go on with a search whose driver ended or died, from its journal. If all its trials have ended, only `then` runs.

    Args:
        name: the search's name.
        extend_by: how many trials the sampler proposes in addition to those planned so far.
        results: the results folder; see `search.resume`.
        data: the folder of data sets and caches; see `search.resume`.
        address: "auto" or HOST:PORT of a running Ray cluster; see `search.run`.
        storage: the store that has the search; needed if its folder is not on this machine.
        anyway: go on even if the code that computes scores, or that decides which trials stop, has changed since the
            search began.
        then: runs the last step. It is called with how the session ended, also if nothing was left to run, and returns
            how both ended.
        display: shows the progress.
    """
    folder = opened(results_root(results), name, storage)
    if folder.storage is None:  # a store would have the journal
        need_journal(folder, "resume")
    with told_how_to_go_on(folder, display), ExitStack() as ray:
        with taken(folder, display.say) as hold:
            spec, history = folder.spec(), hold.history
            if extend_by == 0 and is_complete(SearchAgenda(spec, 1), history):
                found = SessionEnd(folder, history, "done", undelivered(folder), None, None, None, ran=False)
            else:
                arrays = load(spec.data, data)
                refuse_other_data(folder, arrays)
                tried(spec, arrays.train.images.shape[1:])
                refuse_other_code(folder, anyway=anyway, say=display.say)
                leave_contact_sheet(folder, spec, arrays, display.say)
                _say_of_data(spec, arrays, display)
                if extend_by:
                    display.say(_extended_in_words(spec, history, extend_by))
                task = _search_task(folder, spec, arrays, history, extend_by)
                ray.enter_context(connected_quietly(address, display))
                with prepared(task, address=address, display=display, hold=hold) as session:
                    found = drive(session)
        found = then(found)
        if not found.ran:
            display.say(f"{name} is complete: there is nothing left to run")
        return found


def _search_task(
    folder: SearchFolder, spec: SearchSpec, arrays: TrialData, history: History | None = None, extend_by: int = 0
) -> Task:
    """What a session of a search should run.

    Args:
        folder: the search's folder.
        spec: the search's spec.
        arrays: the images.
        history: the search so far; None before it has begun.
        extend_by: how many trials are added now.
    """
    return Task(
        folder,
        spec,
        make_plan(spec, arrays, history, extend_by),
        data={spec.data.seed: arrays},
        agenda=lambda slots: SearchAgenda(spec, slots),
        extend_by=extend_by,
        luck=luck_of(
            spec,
            *(part.counts(len(arrays.class_names)) for part in (arrays.train, arrays.validation)),
            same_images=arrays.has_given_validation,
        ),
        validated=frozenset(one.trial for final in folder.finals() for one in read_plan(final)[0]),
    )


def _extended_in_words(spec: SearchSpec, history: History, extend_by: int) -> str:
    """How many trials an extension adds, in words. Raises InputError if the grid has no more points."""
    planned = planned_by_now(spec, history)
    more = planned_by_now(spec, history, extend_by) - planned
    if more == 0:
        raise InputError(f"--trials: the grid of {spec.name} has no more points; search.grid_points sets them")
    return f"{more} {'trial' if more == 1 else 'trials'} more than the {planned} planned so far"


def drive(session: Session) -> SessionEnd:
    """Run a session to its end, and deliver its events to MLflow.

    Raises EnvironmentProblem if the session had to pause, for example because the disk was full.
    """
    folder, spec, history, hold = session.folder, session.spec, session.history, session.hold
    # the view asks the tracker for problems, so the tracker is made first; before its start it does not call the view
    tracker = Tracker(folder, tracking_uri(spec, folder.root), hold.safe, lambda text: view.tell(text))
    view = session.display.view(session.plan, spec.search.metric_key, lambda: _problem(tracker, hold))
    keeper = Keeper(folder, history, session.task.to_keep, hold.drop_checkpoints)
    study = OptunaView(folder.optuna_view, spec, history)
    views = [tracker.on_event, view.on_event, keeper.on_event, study.on_event]
    listeners = [*session.task.listeners, *views, *hold.listeners]
    with closing(folder.open_journal()) as journal, signals_taken(view.tell) as signals:
        conductor = Conductor(spec, history, journal, session.agenda, listeners=listeners, luck=session.task.luck)
        if session.task.extend_by:
            _extend(conductor, session.task.extend_by)
        tracker.start()
        with shown(view, history), on_cluster(folder, spec, session.nodes, view.tell) as cluster:
            slots = Slots(spec) if cluster is None else cluster.slots
            stopper = ConductorStopper(_reasons_to_end(session, conductor, signals, view.sign_of_life))
            with suppress(PausedError):
                conductor.open(slots=slots(), code=code_hash())
                with quiet(folder.driver_log):
                    tuner(session, conductor, cluster, slots, stopper).fit()
                if (why := hold.taken_over()) is not None:
                    conductor.pause(why)  # the journal now belongs to another driver
                else:
                    done = "done" if is_complete(session.agenda, history) else "interrupted"
                    conductor.close(stopper.reason or done)
        hold.flush(view.tell)
        if conductor.paused:
            mend = "that driver goes on" if hold.taken_over() else f"mend it, then `{folder.hint('resume')}`"
            raise EnvironmentProblem(f"{conductor.paused}; nothing is lost: {mend}")
        view.tell("delivering to MLflow what it lacks")
        left = tracker.close(DELIVERY_PATIENCE)
    assert history.closed is not None, "a session that is not paused is closed"
    return SessionEnd(
        folder,
        history,
        history.closed["reason"],
        left,
        tracker.problem,
        tracker.parent,
        tracker.different,
        bool(tracker.refusals),
    )


def _extend(conductor: Conductor, trials: int) -> None:
    """Write the extension into the journal. Raises EnvironmentProblem if the journal cannot be written."""
    try:
        conductor.extend(trials)
    except PausedError as error:  # nothing was written, so a resume would not extend the search
        raise EnvironmentProblem(f"{error}; nothing was changed: mend it, then repeat the command") from error


def _reasons_to_end(
    session: Session, conductor: Conductor, signals: Signals, live: Callable[[], None]
) -> Callable[[], str | None]:
    """A function for Ray's loop to call at every turn: it returns why the session should end, or None.

    Each call also gives the display a sign of life.
    """
    hold, max_hours = session.hold, session.spec.search.max_hours
    started, before = time.monotonic(), conductor.history.budget_spent

    def reason_to_end() -> str | None:
        live()
        if (why := hold.taken_over() or hold.cut_off()) is not None:
            conductor.pause(why)
        if conductor.paused:
            return conductor.paused
        if signals.received:
            return "interrupted"
        if session.folder.is_asked_to_stop():
            return "stopped"
        spent = before + time.monotonic() - started
        if max_hours is not None and spent > 3600 * max_hours:
            return "max_hours"
        return conductor.hopeless()

    return reason_to_end


def _problem(tracker: Tracker, hold: Hold) -> str | None:
    """Why the search's store or MLflow is behind the journal now, in words; None if neither is."""
    if (problem := hold.problem()) is not None:
        return problem
    if tracker.problem is None:
        return None
    return f"nothing can be delivered to MLflow now ({tracker.problem}); the search goes on and delivers later"
