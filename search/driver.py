"""Run, resume and extend a search. Resume and extend are the same thing as run: a new Tuner, fed by the journal."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import ray
from ray import tune
from rich.console import Console

from search import preflight
from search.adapters import ConductorCallback, ConductorScheduler, ConductorSearcher, ConductorStopper
from search.agenda import SearchAgenda
from search.cluster import connected
from search.conductor import Conductor, PausedError, is_complete
from search.history import History, Trial
from search.keeper import Keeper
from search.live import LiveView
from search.mlflow_store import tracking_uri
from search.optuna_view import OptunaView
from search.plan import make_plan
from search.provenance import code_hash, provenance
from search.report import report
from search.store import SearchFolder, create_folder, open_folder, refuse_existing, results_root
from search.tracking import Tracker, undelivered
from search.trial import trainable
from spaces.spec import SearchSpec
from trainers.data import load
from trainers.data.arrays import Split, TrialData
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


def run(
    spec: SearchSpec,
    *,
    results: Path | None = None,
    data: Path | None = None,
    address: str | None = None,
    start_from: str | None = None,
    console: Console | None = None,
) -> SearchResult:
    """Run a new search to its end.

    results, data: as `--results` and `--data`. address: None runs a Ray of our own on this machine, else "auto" or
    HOST:PORT of a running cluster. start_from: an older search on the same data, whose trials the sampler is told.
    Raises InputError and EnvironmentProblem before anything is written.
    """
    console = console or Console(file=sys.stdout)
    root = results_root(results)
    refuse_existing(root, spec.name)
    arrays = load(spec.data, data)
    older = _older(root, start_from, spec, arrays) if start_from is not None else None
    preflight.check_folder(root, make_plan(spec, arrays))
    _say(console, f"{spec.name}: {arrays.description}")
    with _way_on(SearchFolder(root / spec.name), console):
        with _connected_quietly(address, console):
            _check_cluster(spec, root, address)
            folder = create_folder(root, spec, provenance(_about_data(arrays)))
            with folder.lock():
                found = _drive(folder, spec, arrays, console, older=older)
        return _reported(found)


def resume(
    name: str,
    *,
    extend_by: int = 0,
    results: Path | None = None,
    data: Path | None = None,
    address: str | None = None,
    anyway: bool = False,
    console: Console | None = None,
) -> SearchResult:
    """Go on with a search whose driver ended or died, from its journal; nothing happens when it is complete.

    extend_by: so many proposed trials more than it was planned with. anyway: also when the code or the data are not
    those that it began with.
    """
    console = console or Console(file=sys.stdout)
    folder = open_folder(results_root(results), name)
    with _way_on(folder, console):
        with folder.lock():
            spec, history = folder.spec(), folder.history()
            if extend_by == 0 and is_complete(SearchAgenda(spec, 1), history):
                _say(console, f"{name} is complete: there is nothing left to run")
                return SearchResult(folder, history, "done", undelivered(folder), None, None, None)
            arrays = load(spec.data, data)
            if not anyway:
                _refuse_change(folder, arrays)
            _say(console, f"{spec.name}: {arrays.description}")
            with _connected_quietly(address, console):
                _check_cluster(spec, folder.path.parent, address)
                found = _drive(folder, spec, arrays, console, extend_by=extend_by)
        return _reported(found)


def _check_cluster(spec: SearchSpec, root: Path, address: str | None) -> None:
    preflight.check_resources(spec.resources, preflight.live_nodes(ray.nodes()))
    if address is not None:  # a Ray of our own runs this very code, on this very disk
        preflight.check_nodes(root, code_hash())


def _refuse_change(folder: SearchFolder, arrays: TrialData) -> None:
    began = folder.about()["provenance"]
    if began["data"]["fingerprint"] != arrays.fingerprint:
        raise InputError(
            f"{folder.name} began on other data ({began['data']['description']}) than it would go on with "
            f"({arrays.description}); say --anyway if that is wanted"
        )
    if began["code"] != code_hash():
        raise InputError(
            f"{folder.name} began with other code (commit {began['git_commit']}) than it would go on with; "
            f"say --anyway if that is wanted"
        )


def _older(root: Path, name: str, spec: SearchSpec, arrays: TrialData) -> SearchFolder:
    folder = open_folder(root, name)
    there = folder.about()["provenance"]["data"]
    if there["fingerprint"] != arrays.fingerprint:
        raise InputError(f"--from: {name} ran on other data ({there['description']}): its scores mean nothing here")
    older = folder.spec()
    stages = (older.representation.epochs, older.classifier.epochs, older.search.metric)
    if stages != (spec.representation.epochs, spec.classifier.epochs, spec.search.metric):
        raise InputError(f"--from: {name} has other stage lengths or another metric: its scores mean nothing here")
    return folder


def _reported(found: SearchResult) -> SearchResult:
    """Write the report, once the lock is free: it says whether the search still runs."""
    report(found.folder.name, results=found.folder.path.parent)
    return found


def _drive(
    folder: SearchFolder,
    spec: SearchSpec,
    arrays: TrialData,
    console: Console,
    *,
    extend_by: int = 0,
    older: SearchFolder | None = None,
) -> SearchResult:
    """Run a session of a search that is locked, on a Ray that is connected."""
    folder.forget_stop()
    history = folder.history()
    slots = Slots(spec)
    uri = tracking_uri(spec, folder.path.parent)
    tracker = Tracker(folder, uri)
    plan = make_plan(spec, arrays, history.extra + extend_by)
    agenda = SearchAgenda(spec, slots())
    view = LiveView(console, plan, spec.search.metric_key, lambda: tracker.problem)
    keeper = Keeper(folder, spec.search.keep_best)
    study = OptunaView(folder.optuna_view, spec, history)
    journal = folder.open_journal()
    listeners = [tracker.on_event, view.on_event, keeper.on_event, study.on_event]
    conductor = Conductor(spec, history, journal, agenda, listeners=listeners)
    if older is not None:
        conductor.start_from(older.name, older.history().trials.values())
    if extend_by:
        conductor.extend(extend_by)
    tracker.start()
    with _signals(view.tell) as signals:
        with _shown(view, history):
            conductor.open(slots=slots(), tracking=uri, code=code_hash())
            stopper = ConductorStopper(_reasons_to_end(folder, spec, conductor, signals))
            with _quiet(folder.driver_log):
                _tuner(folder, spec, arrays, conductor, slots, stopper).fit()
            reason = stopper.reason or ("done" if is_complete(agenda, history) else "interrupted")
            with suppress(PausedError):
                conductor.close(reason)
        if conductor.paused:
            raise EnvironmentProblem(f"{conductor.paused}; nothing is lost: mend it, then `{folder.hint('resume')}`")
        left = tracker.close(DELIVERY_PATIENCE)
    return SearchResult(folder, history, reason, left, tracker.problem, tracker.parent, tracker.different)


def _reasons_to_end(
    folder: SearchFolder, spec: SearchSpec, conductor: Conductor, signals: "Signals"
) -> Callable[[], str | None]:
    started = time.monotonic()

    def reason_to_end() -> str | None:
        if conductor.paused:
            return conductor.paused
        if signals.received:
            return "interrupted"
        if folder.is_asked_to_stop():
            return "stopped"
        if spec.search.max_hours is not None and time.monotonic() - started > 3600 * spec.search.max_hours:
            return "max_hours"
        return conductor.hopeless()

    return reason_to_end


def _tuner(
    folder: SearchFolder,
    spec: SearchSpec,
    arrays: TrialData,
    conductor: Conductor,
    slots: "Slots",
    stopper: ConductorStopper,
) -> tune.Tuner:
    threads = max(1, int(spec.resources.cpus))

    def assign(trial: Trial) -> dict[str, Any]:
        return {
            "number": trial.number,
            "config": trial.config,
            "folder": str(folder.trial(trial.number).path),
            "threads": threads,
        }

    resources = {"cpu": spec.resources.cpus, "gpu": spec.resources.gpus}
    return tune.Tuner(
        tune.with_resources(tune.with_parameters(trainable, data=arrays), resources),
        tune_config=tune.TuneConfig(
            search_alg=ConductorSearcher(conductor, assign, slots),
            scheduler=ConductorScheduler(conductor),
            num_samples=-1,  # the searcher says when it is through
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name=f"session-{len(conductor.history.sessions)}",
            storage_path=str(folder.ray),
            callbacks=[ConductorCallback(conductor)],
            stop=stopper,
            failure_config=tune.FailureConfig(max_failures=spec.search.max_failures),
            verbose=0,
        ),
    )


class Slots:
    """How many trials may run at once, by what the cluster holds now."""

    def __init__(self, spec: SearchSpec) -> None:
        self._spec = spec
        self._asked, self._slots = 0.0, 0

    def __call__(self) -> int:
        """The spec's `max_concurrent`, or as many trials as fit on the live nodes."""
        if time.monotonic() - self._asked > 5 or self._slots == 0:
            self._asked = time.monotonic()
            self._slots = max(1, preflight.slots(self._spec.resources, preflight.live_nodes(ray.nodes())))
        return min(self._slots, self._spec.search.max_concurrent or self._slots)


class Signals:
    """Ctrl-C or SIGTERM, once: stop tidily. Twice: at once."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self.received = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Take a signal."""
        if self.received:
            raise KeyboardInterrupt
        self.received = True
        self._tell("stopping: what runs is left at its last checkpoint (Ctrl-C again ends at once)")


@contextmanager
def _signals(tell: Callable[[str], None]) -> Iterator[Signals]:
    signals = Signals(tell)
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # else Tuner.fit puts a handler of its own in our place
    if threading.current_thread() is not threading.main_thread():  # only there may handlers be set
        yield signals
        return
    before = {number: signal.signal(number, signals) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _way_on(folder: SearchFolder, console: Console) -> Iterator[None]:
    """Whenever a session is ended at once, say how to go on with the search, if it has begun."""
    try:
        yield
    except KeyboardInterrupt:
        if folder.path.exists():
            _say(console, f"ended at once; nothing that was reported is lost: go on with `{folder.hint('resume')}`")
        raise


@contextmanager
def _shown(view: LiveView, history: History) -> Iterator[None]:
    view.start(history)
    try:
        yield
    finally:
        view.stop()


@contextmanager
def _connected_quietly(address: str | None, console: Console) -> Iterator[None]:
    _say(console, "starting Ray" if address is None else f"joining Ray at {address}")
    with connected(address):
        yield


@contextmanager
def _quiet(log: Path) -> Iterator[None]:
    """Send what Ray prints and logs to a file: its boxes, hints and tracebacks are not for the user."""
    with log.open("a", buffering=1) as file, redirect_stdout(file), redirect_stderr(file):
        handler = logging.StreamHandler(file)
        loggers = [logging.getLogger(name) for name in ("ray", "ray.tune", "ray.train", "ray.data")]
        before = [(logger, logger.handlers[:], logger.propagate) for logger in loggers]
        for logger in loggers:
            logger.handlers, logger.propagate = [handler], False
        try:
            yield
        finally:
            for logger, handlers, propagate in before:
                logger.handlers, logger.propagate = handlers, propagate


def _about_data(arrays: TrialData) -> dict[str, Any]:
    def counts(split: Split) -> dict[str, int]:
        return dict(zip(arrays.class_names, split.counts(len(arrays.class_names)), strict=True))

    return {
        "description": arrays.description,
        "fingerprint": arrays.fingerprint,
        "train": counts(arrays.train),
        "validation": counts(arrays.validation),
    }


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
