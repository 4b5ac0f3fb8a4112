"""Run, resume and extend a search. Resume and extend are the same thing as run: a new Tuner, fed by the journal."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import tune

from search.algorithms.proposer import Agenda, SearchAgenda, planned_trials
from search.cluster.membership import OnCluster, on_cluster
from search.cluster.node_check import check_nodes, shared_place
from search.cluster.ray_output import quiet
from search.cluster.slots import Slots, live_nodes
from search.engine import preflight
from search.engine.advice import no_test_split
from search.engine.checkpoint_retention import Keeper, best_and_contrast
from search.engine.compatibility import known_event, older_search, refuse_other_code, refuse_other_data
from search.engine.controller import Conductor, PausedError, is_complete
from search.engine.display import Display
from search.engine.interrupts import Signals, connected_quietly, shown, signals_taken, told_how_to_go_on
from search.engine.plan import Plan, check_workers, make_plan
from search.engine.ray_tune import ConductorCallback, ConductorScheduler, ConductorSearcher, ConductorStopper
from search.journal.history import History, Trial
from search.storage.fetch import opened
from search.storage.ownership import Hold, refuse_stored, taken
from search.storage.provenance import about_data, code_hash, provenance
from search.storage.search_folder import SearchFolder, create_folder, refuse_existing, results_root
from search.tracking.client import tracking_uri
from search.tracking.delivery import undelivered
from search.tracking.optuna_study import OptunaView
from search.tracking.outbox import Tracker
from search.worker.trainable import SharedData, trainable
from spaces.spec import SearchSpec
from trainers.data import load, missing_test
from trainers.data.arrays import Split, TrialData
from trainers.data.paths import anchored
from trainers.errors import EnvironmentProblem, InputError

DELIVERY_PATIENCE = 60.0  # seconds at the end of a session for what MLflow still lacks


@dataclass(frozen=True)
class SearchResult:
    """How a session of a search ended."""

    folder: SearchFolder
    history: History
    reason: str  # done, interrupted, max_hours, stopped, or why it was hopeless
    undelivered: int  # events that MLflow lacks
    tracking_problem: str | None
    parent_run: tuple[str, str] | None  # MLflow's ids of experiment and run
    different: list[str] | None  # what MLflow has otherwise than the journal; None: it could not be counted
    ran: bool = True  # False: the search was complete, and nothing was left to run


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
    root, stored = results_root(results), spec.storage.uri is not None
    refuse_existing(root, spec.name)
    refuse_stored(spec)
    arrays = load(spec.data, data)
    spec = spec.model_copy(update={"data": anchored(spec.data)})  # resume and train may stand in another folder
    check_workers(spec, arrays)
    older = older_search(root, start_from, spec, arrays) if start_from is not None else None
    preflight.check_folder(
        root, make_plan(spec, arrays, slots=1), stored=stored
    )  # what no cluster could mend; then with its slots
    display.say(f"{spec.name}: {arrays.description}")
    if (mend := missing_test(spec.data, data)) is not None:
        display.say(no_test_split(mend))
    with told_how_to_go_on(SearchFolder(root / spec.name), display):
        with connected_quietly(address, display):
            nodes = check_cluster(spec, root, address)
            preflight.check_folder(root, make_plan(spec, arrays, slots=Slots(spec)()), stored=stored)
            begun = [] if older is None else [known_event(older)]
            folder = create_folder(root, spec, provenance(about_data(arrays)), begun=begun)
            with taken(folder, display.say) as hold:
                found = _drive(folder, spec, arrays, display, nodes=nodes, hold=hold)
        return found


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

    extend_by: so many proposed trials more than it was planned with. storage: the store that has the search, where its
    folder is not here. anyway: also when the code that decides scores and decisions is not that which it began
    with.
    """
    folder = opened(results_root(results), name, storage)
    with told_how_to_go_on(folder, display):
        with taken(folder, display.say) as hold:
            spec, history = folder.spec(), folder.history()
            if extend_by == 0 and is_complete(SearchAgenda(spec, 1), history):
                display.say(f"{name} is complete: there is nothing left to run")
                return SearchResult(folder, history, "done", undelivered(folder), None, None, None, ran=False)
            arrays = load(spec.data, data)
            refuse_other_data(folder, arrays)
            refuse_other_code(folder, anyway=anyway, say=display.say)
            display.say(f"{spec.name}: {arrays.description}")
            if extend_by:
                more = planned_trials(spec, history.extra + extend_by) - planned_trials(spec, history.extra)
                if more == 0:
                    raise InputError(f"--trials: the grid of {name} has no more points; search.grid_points sets them")
                planned, trials = planned_trials(spec, history.extra), "trial" if more == 1 else "trials"
                display.say(f"{more} {trials} more than the {planned} planned so far")
            with connected_quietly(address, display):
                nodes = check_cluster(spec, folder.root, address)
                plan = make_plan(spec, arrays, history.extra + extend_by, slots=Slots(spec)())
                preflight.check_folder(folder.root, plan, stored=hold.storage is not None)
                found = _drive(folder, spec, arrays, display, extend_by, nodes=nodes, hold=hold)
        return found


def check_cluster(spec: SearchSpec, root: Path, address: str | None) -> list[str] | None:
    """The ids of the nodes of a running cluster; None where Ray is our own, with this very code on this very disk.

    Raises EnvironmentProblem where the cluster cannot hold a trial, or has a node that cannot take part.
    """
    preflight.check_resources(spec.resources, live_nodes(ray.nodes()))
    return None if address is None else check_nodes(shared_place(spec, root), code_hash())


def _drive(
    folder: SearchFolder,
    spec: SearchSpec,
    arrays: TrialData,
    display: Display,
    extend_by: int = 0,
    *,
    nodes: list[str] | None,
    hold: Hold,
) -> SearchResult:
    plan = make_plan(spec, arrays, folder.history().extra + extend_by)
    agenda = SearchAgenda(spec, Slots(spec)())
    data = {spec.data.seed: arrays}
    return drive(folder, spec, agenda, data, display, extend_by, plan=plan, nodes=nodes, hold=hold)


def drive(
    folder: SearchFolder,
    spec: SearchSpec,
    agenda: Agenda,
    data: Mapping[int, TrialData],
    display: Display,
    extend_by: int = 0,
    *,
    plan: Plan,
    nodes: list[str] | None,
    hold: Hold,
    test: Split | None = None,
    to_keep: Callable[[History], set[int]] | None = None,
) -> SearchResult:
    """Run a session of a search that is locked, on a Ray that is connected.

    data: by the seed of its split. extend_by: so many proposed trials more than were planned. nodes: of a cluster that
    others use too, those that were checked; None where Ray is our own. hold: of the search. test: on which trials are
    scored at their end, None in a search. to_keep: the trials whose last checkpoint stays, by default a search's best.
    """
    history = folder.history()
    uri = tracking_uri(spec, folder.root)
    tracker = Tracker(folder, uri, hold.safe)
    view = display.view(plan, spec.search.metric_key, lambda: _problem(tracker, hold))
    kept = to_keep or (lambda history: best_and_contrast(history, spec.search.keep_best))
    keeper = Keeper(folder, history, kept, hold.drop_checkpoints)
    study = OptunaView(folder.optuna_view, spec, history)
    listeners = [tracker.on_event, view.on_event, keeper.on_event, study.on_event, *hold.listeners]
    with closing(folder.open_journal()) as journal, signals_taken(view.tell) as signals:
        conductor = Conductor(spec, history, journal, agenda, listeners=listeners)
        if extend_by:
            try:
                conductor.extend(extend_by)
            except PausedError as error:  # the wish is nowhere: a resume would not know of it
                raise EnvironmentProblem(f"{error}; nothing was changed: mend it, then say the same again") from error
        tracker.start()
        with shown(view, history), on_cluster(folder, spec, nodes, view.tell) as cluster:
            slots = Slots(spec) if cluster is None else cluster.slots
            stopper = ConductorStopper(_reasons_to_end(folder, spec, conductor, hold, signals, view.sign_of_life))
            with suppress(PausedError):
                conductor.open(slots=slots(), code=code_hash())
                with quiet(folder.driver_log):
                    _tuner(folder, spec, data, test, conductor, slots, stopper, cluster, hold).fit()
                if (why := hold.taken_over()) is not None:
                    conductor.pause(why)  # the journal is another driver's now
                else:
                    conductor.close(stopper.reason or ("done" if is_complete(agenda, history) else "interrupted"))
        hold.flush(view.tell)
        if conductor.paused:
            mend = "it goes on there" if hold.taken_over() else f"mend it, then `{folder.hint('resume')}`"
            raise EnvironmentProblem(f"{conductor.paused}; nothing is lost: {mend}")
        view.tell("delivering to MLflow what it lacks")
        left = tracker.close(DELIVERY_PATIENCE)
    assert history.closed is not None, "a session that is not paused is closed"
    return SearchResult(
        folder, history, history.closed["reason"], left, tracker.problem, tracker.parent, tracker.different
    )


def _reasons_to_end(
    folder: SearchFolder,
    spec: SearchSpec,
    conductor: Conductor,
    hold: Hold,
    signals: Signals,
    live: Callable[[], None],
) -> Callable[[], str | None]:
    """What Ray's loop asks at every turn, with a sign of life for who watches."""
    started, before = time.monotonic(), conductor.history.driven

    def reason_to_end() -> str | None:
        live()
        if (why := hold.taken_over() or hold.cut_off()) is not None:
            conductor.pause(why)
        if conductor.paused:
            return conductor.paused
        if signals.received:
            return "interrupted"
        if folder.is_asked_to_stop():
            return "stopped"
        spent = before + time.monotonic() - started
        if spec.search.max_hours is not None and spent > 3600 * spec.search.max_hours:
            return "max_hours"
        return conductor.hopeless()

    return reason_to_end


def _tuner(
    folder: SearchFolder,
    spec: SearchSpec,
    data: Mapping[int, TrialData],
    test: Split | None,
    conductor: Conductor,
    slots: Callable[[], int],
    stopper: ConductorStopper,
    cluster: OnCluster | None,
    hold: Hold,
) -> tune.Tuner:
    threads = max(1, int(spec.resources.cpus))
    shared = SharedData({seed: ray.put(arrays) for seed, arrays in data.items()}, ray.put(test))

    def assign(trial: Trial) -> dict[str, Any]:
        return {
            "number": trial.number,
            "config": trial.config,
            "folder": str(folder.trial(trial.number).path),
            "storage": hold.place_of(trial.number),
            "threads": threads,
            "workers": spec.resources.workers,
        }

    worker = {"CPU": spec.resources.cpus, "GPU": spec.resources.gpus}
    resources = tune.PlacementGroupFactory([worker] * spec.resources.workers)
    searcher = ConductorSearcher(conductor, assign, slots)
    places = None if cluster is None else cluster.places(searcher.is_full)
    return tune.Tuner(
        tune.with_resources(tune.with_parameters(trainable, shared=shared), resources),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=ConductorScheduler(conductor, places),
            num_samples=-1,  # the searcher says when it is through
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name=f"session-{len(conductor.history.sessions)}",
            storage_path=str(folder.ray),
            callbacks=[ConductorCallback(conductor, None if cluster is None else cluster.admission)],
            stop=stopper,
            failure_config=tune.FailureConfig(max_failures=spec.search.max_failures),
            verbose=0,
        ),
    )


def _problem(tracker: Tracker, hold: Hold) -> str | None:
    """What keeps the search's copies behind just now, for a person."""
    if (problem := hold.problem()) is not None:
        return problem
    if tracker.problem is None:
        return None
    return f"MLflow takes nothing just now ({tracker.problem}); the search goes on and delivers later"
