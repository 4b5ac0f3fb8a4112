"""Adapters from Ray Tune to the conductor: a Searcher, a TrialScheduler, a Stopper and a Callback.

A trial is identified by its number, which is part of its config. Ray's random ids only tell its own objects apart.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import ray
from ray import tune
from ray.tune import Callback, ProgressReporter, Stopper
from ray.tune.experiment import Trial as RayTrial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from search.cluster.membership import OnCluster
from search.cluster.node_health import Admission
from search.cluster.placement import Places
from search.cluster.ray_internals import controller_of
from search.engine.controller import Conductor, PausedError
from search.engine.prepare import Session
from search.journal.history import Trial
from search.storage.object_store import StorageError
from search.storage.trial_folder import TrialFiles, trial_path
from search.worker.messages import EpochDone, Failed, Pause, from_result
from search.worker.trainable import SharedData, trainable
from trainers.errors import OutOfMemory

Assignment = dict[str, Any]


def tuner(
    session: Session, conductor: Conductor, cluster: OnCluster | None, slots: Callable[[], int], stopper: Stopper
) -> tune.Tuner:
    """Ray's Tuner for a session. It asks the conductor for trials and follows its decisions.

    Args:
        session: what to run.
        conductor: decides which trials run, and how long.
        cluster: the nodes that trials may run on; None on a Ray that we started, where trials may run anywhere.
        slots: returns how many trials may run at once now.
        stopper: ends the session.
    """
    task, spec = session.task, session.spec
    shared = SharedData({seed: ray.put(arrays) for seed, arrays in task.data.items()}, ray.put(task.test))
    threads = max(1, int(spec.resources.cpus))

    def assign(trial: Trial) -> Assignment:
        return {
            "number": trial.number,
            "config": trial.config,
            "folder": str(session.folder.trial(trial.number).path),
            "storage": session.hold.place_of(trial.number),
            "threads": threads,
            "workers": spec.resources.workers,
            "has_whole_gpus": spec.resources.gpus >= 1,
        }

    searcher = ConductorSearcher(conductor, assign, slots)
    worker = {"CPU": spec.resources.cpus, "GPU": spec.resources.gpus}
    resources = tune.PlacementGroupFactory([worker] * spec.resources.workers)
    places = None if cluster is None else cluster.places(searcher.is_full)
    return tune.Tuner(
        tune.with_resources(tune.with_parameters(trainable, shared=shared), resources),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=ConductorScheduler(conductor, places),
            num_samples=-1,  # no limit: the searcher says when there are no more trials
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name=f"session-{len(conductor.history.sessions)}",
            storage_path=str(session.folder.ray),
            callbacks=[
                ConductorCallback(
                    conductor, None if cluster is None else cluster.admission, partial(_given_up, session)
                )
            ],
            stop=stopper,
            failure_config=tune.FailureConfig(max_failures=spec.search.max_failures),
            verbose=0,
            progress_reporter=NoReporter(),
        ),
    )


def _given_up(session: Session, number: int) -> tuple[str, bool] | None:
    """Why a trial's last worker gave the trial up, and whether the trial's values were the cause; None if not known.

    This does not wait for a store that does not answer.
    """
    storage = session.hold.storage
    trial = session.folder.trial(number) if storage is None else TrialFiles(storage / trial_path(number))
    with suppress(StorageError):
        return trial.take_reason_to_give_up()
    return None


class _NotInSnapshots:
    """A base of objects that are pickled as None. Ray pickles them into its snapshots, which are never read back."""

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()


class ConductorSearcher(_NotInSnapshots, Searcher):
    """Gives the conductor's trials to Ray, no more at once than there are slots."""

    def __init__(self, conductor: Conductor, assign: Callable[[Trial], Assignment], slots: Callable[[], int]) -> None:
        super().__init__()
        self._conductor, self._assign, self._slots = conductor, assign, slots
        self._running: set[str] = set()

    def suggest(self, trial_id: str) -> Assignment | str | None:  # type: ignore[override]  # FINISHED is a str
        """A trial to run, as plain values; FINISHED if none is left.

        None if no slot is free, if the search is paused, or if only trials that run now may be followed by another.

        The conductor is asked for a trial only when a slot is free, because a later choice knows more results.
        """
        if self._conductor.paused or self.is_full():
            return None
        try:
            trial = self._conductor.next_trial()
        except PausedError:
            return None
        if trial is None:
            return str(Searcher.FINISHED) if self._conductor.is_over else None
        self._running.add(trial_id)
        return self._assign(trial)

    def is_full(self) -> bool:
        """Whether every slot has a trial."""
        return len(self._running) >= self._slots()

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Free the trial's slot."""
        self._running.discard(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Do nothing, as the journal has everything."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing, as Ray's snapshots are never read back."""


class ConductorScheduler(_NotInSnapshots, FIFOScheduler):
    """Passes each result to the conductor, and the conductor's decision to Ray."""

    def __init__(self, conductor: Conductor, places: Places | None = None) -> None:
        """Make a scheduler.

        Args:
            conductor: decides whether a trial goes on.
            places: where trials may run; None on a Ray that we started, where trials may run anywhere.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._conductor, self._places = conductor, places

    def on_trial_add(self, tune_controller: object, trial: RayTrial) -> None:
        """Note that Tune has a trial to run."""
        if self._places is not None:
            self._places.on_trial_add(trial)

    def choose_trial_to_run(self, tune_controller: Any) -> RayTrial | None:
        """The trial to start now; None if none is to start. Tune asks at every turn of its loop."""
        if self._places is not None:
            self._places.on_step(controller_of(tune_controller))
        return super().choose_trial_to_run(tune_controller)

    def on_trial_result(self, tune_controller: object, trial: RayTrial, result: dict[str, Any]) -> str:
        """Pass a result to the conductor, and return CONTINUE or STOP."""
        try:
            return self._decide(trial, result)
        except PausedError:  # the stopper ends the session; this trial stays at its last checkpoint
            return TrialScheduler.CONTINUE

    def _decide(self, trial: RayTrial, result: dict[str, Any]) -> str:
        number = number_of(trial)
        match from_result(result):
            case Pause(reason):
                self._conductor.pause(reason)
            case Failed(reason, by_values):
                self._conductor.fail(number, reason, by_values=by_values)
                return TrialScheduler.STOP
            case EpochDone(epoch, metrics):
                if self._conductor.result(number, epoch, dict(metrics)) == "stop":
                    return TrialScheduler.STOP
        return TrialScheduler.CONTINUE


class ConductorCallback(_NotInSnapshots, Callback):
    """Tells the conductor about events that are not results: a worker took a trial, or a trial crashed for good."""

    def __init__(
        self,
        conductor: Conductor,
        admission: Admission | None = None,
        given_up: Callable[[int], tuple[str, bool] | None] = lambda number: None,
    ) -> None:
        """Make a callback.

        Args:
            conductor: is told about the events.
            admission: judges nodes by how trials end on them; None on a Ray that we started.
            given_up: takes a trial's number, and returns why the trial's last worker gave the trial up and whether the
                trial's values were the cause; None if the worker did not give the trial up.
        """
        self._conductor, self._admission, self._given_up = conductor, admission, given_up

    def on_trial_recover(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        """Count a crash against its node, unless the trial ran out of GPU memory. Ray tries the trial again."""
        if self._admission is not None and OutOfMemory.__name__ not in _last_line(trial.get_error()):
            self._admission.crashed(number_of(trial))

    def on_trial_complete(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        """Tell the admission that a trial finished, was stopped, or reported its own failure."""
        if self._admission is not None:
            self._admission.ended(self._conductor.history.trials[number_of(trial)])

    def on_trial_start(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        """Tell the conductor that a worker has taken the trial."""
        with suppress(PausedError):
            self._conductor.launched(number_of(trial))

    def on_trial_error(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        """Record that a trial failed: it crashed, and has no attempts left."""
        reason, by_values = self._given_up(number_of(trial)) or (f"crashed: {_last_line(trial.get_error())}", False)
        with suppress(PausedError):
            self._conductor.fail(number_of(trial), reason, by_values=by_values)
        if self._admission is not None:
            self._admission.ended(self._conductor.history.trials[number_of(trial)])


class ConductorStopper(_NotInSnapshots, Stopper):
    """Ends the search as soon as there is a reason to, and keeps the reason."""

    def __init__(self, reason_to_end: Callable[[], str | None]) -> None:
        self._reason_to_end = reason_to_end
        self.reason: str | None = None

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Return False: the scheduler stops single trials."""
        return False

    def stop_all(self) -> bool:
        """Whether the whole search should end now."""
        self.reason = self.reason or self._reason_to_end()
        return self.reason is not None


class NoReporter(_NotInSnapshots, ProgressReporter):
    """Shows nothing. In a notebook, Tune's own reporter would clear the cell's output, whatever `verbose` says."""

    def should_report(self, trials: list[RayTrial], done: bool = False) -> bool:
        """Return False, so that `report` is never called."""
        return False

    def report(self, trials: list[RayTrial], done: bool, *sys_info: str) -> None:
        """Do nothing, as the view shows the progress."""


def number_of(trial: RayTrial) -> int:
    """The search's number for a trial of Ray."""
    return int(trial.config["number"])


def _last_line(error: Exception | None) -> str:
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
