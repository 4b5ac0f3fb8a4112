"""Ray Tune's Searcher, TrialScheduler, Stopper and Callback, each a thin adapter on the conductor.

A trial is identified by its number, which its config carries; Ray's random ids are only shown.
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
    """Ray's Tuner for a session: it asks the conductor for trials and does as the conductor says.

    Args:
        session: what is to run.
        conductor: decides.
        cluster: which nodes trials may go to; None on a Ray of our own, where they may go anywhere.
        slots: how many trials may run at once now.
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
            num_samples=-1,  # the searcher says when it is through
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
    """Why a trial's last worker gave it up, if no other worker came to report it. Does not wait for a store."""
    storage = session.hold.storage
    trial = session.folder.trial(number) if storage is None else TrialFiles(storage / trial_path(number))
    with suppress(StorageError):
        return trial.take_reason_to_give_up()
    return None


class _NotInSnapshots:
    """Keeps Ray from pickling this object into its snapshots, which are never read back."""

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()


class ConductorSearcher(_NotInSnapshots, Searcher):
    """Hands the conductor's trials to Ray, no more at once than there are slots."""

    def __init__(self, conductor: Conductor, assign: Callable[[Trial], Assignment], slots: Callable[[], int]) -> None:
        super().__init__()
        self._conductor, self._assign, self._slots = conductor, assign, slots
        self._running: set[str] = set()

    def suggest(self, trial_id: str) -> Assignment | str | None:  # type: ignore[override]  # FINISHED is a str
        """A trial to run; None while every slot is taken: a later ask knows more."""
        if self._conductor.paused or self.is_full():
            return None
        try:
            trial = self._conductor.next_trial()
        except PausedError:
            return None
        if trial is None:
            return str(Searcher.FINISHED)
        self._running.add(trial_id)
        return self._assign(trial)

    def is_full(self) -> bool:
        """Whether as many trials are begun as there are slots."""
        return len(self._running) >= self._slots()

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """A slot is free."""
        self._running.discard(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the journal has it all."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: Ray's snapshots are never read back."""


class ConductorScheduler(_NotInSnapshots, FIFOScheduler):
    """Passes each result to the conductor, and its decision to Ray."""

    def __init__(self, conductor: Conductor, places: Places | None = None) -> None:
        """`places`: where trials may go; None on a Ray of our own, where they may go anywhere."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._conductor, self._places = conductor, places

    def on_trial_add(self, tune_controller: object, trial: RayTrial) -> None:
        """Tune has a trial to run."""
        if self._places is not None:
            self._places.on_trial_add(trial)

    def choose_trial_to_run(self, tune_controller: Any) -> RayTrial | None:
        """Which one to start now; asked at every turn of Tune's loop."""
        if self._places is not None:
            self._places.on_step(controller_of(tune_controller))
        return super().choose_trial_to_run(tune_controller)

    def on_trial_result(self, tune_controller: object, trial: RayTrial, result: dict[str, Any]) -> str:
        """Continue or stop."""
        try:
            return self._decide(trial, result)
        except PausedError:  # the stopper ends the session, with this trial as its last checkpoint has it
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
    """Tells the conductor what happens outside results: a worker took a trial, or crashed for good."""

    def __init__(
        self,
        conductor: Conductor,
        admission: Admission | None = None,
        given_up: Callable[[int], tuple[str, bool] | None] = lambda number: None,
    ) -> None:
        """`admission`: judges nodes by what becomes of trials; None on a Ray of our own.

        `given_up`: why a trial's last worker gave it up, and whether its values did it; None where it did not.
        """
        self._conductor, self._admission, self._given_up = conductor, admission, given_up

    def on_trial_recover(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        """The trial crashed, and is tried again. That it does not fit into a GPU's memory is no fault of the node's."""
        if self._admission is not None and OutOfMemory.__name__ not in _last_line(trial.get_error()):
            self._admission.crashed(number_of(trial))

    def on_trial_complete(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        """The trial ended, well or with a failure that it reported."""
        if self._admission is not None:
            self._admission.ended(self._conductor.history.trials[number_of(trial)])

    def on_trial_start(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        """A worker has taken the trial."""
        with suppress(PausedError):
            self._conductor.launched(number_of(trial))

    def on_trial_error(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        """The trial crashed more often than it may be tried again."""
        reason, by_values = self._given_up(number_of(trial)) or (f"crashed: {_last_line(trial.get_error())}", False)
        with suppress(PausedError):
            self._conductor.fail(number_of(trial), reason, by_values=by_values)
        if self._admission is not None:
            self._admission.ended(self._conductor.history.trials[number_of(trial)])


class ConductorStopper(_NotInSnapshots, Stopper):
    """Ends the search when one of its reasons to end comes true, and remembers which."""

    def __init__(self, reason_to_end: Callable[[], str | None]) -> None:
        self._reason_to_end = reason_to_end
        self.reason: str | None = None

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """No single trial is stopped here."""
        return False

    def stop_all(self) -> bool:
        """Whether the whole search should end now."""
        self.reason = self.reason or self._reason_to_end()
        return self.reason is not None


class NoReporter(_NotInSnapshots, ProgressReporter):
    """Shows nothing. In a notebook, Tune's own would clear what stands below the cell, whatever `verbose` says."""

    def should_report(self, trials: list[RayTrial], done: bool = False) -> bool:
        """Never."""
        return False

    def report(self, trials: list[RayTrial], done: bool, *sys_info: str) -> None:
        """Nothing: the view has shown it."""


def number_of(trial: RayTrial) -> int:
    """Our number of a trial of Ray's."""
    return int(trial.config["number"])


def _last_line(error: Exception | None) -> str:
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
