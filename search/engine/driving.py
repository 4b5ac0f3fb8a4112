"""Run a prepared session to its end: trials on Ray, everything that happened in the journal, and on to MLflow."""

import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass

from search.cluster.membership import on_cluster
from search.cluster.ray_output import quiet
from search.cluster.slots import Slots
from search.engine.checkpoint_retention import Keeper
from search.engine.controller import Conductor, PausedError, is_complete
from search.engine.interrupts import Signals, shown, signals_taken
from search.engine.prepare import Session
from search.engine.ray_tune import ConductorStopper, tuner
from search.journal.history import History
from search.storage.ownership import Hold
from search.storage.provenance import code_hash
from search.storage.search_folder import SearchFolder
from search.tracking.client import tracking_uri
from search.tracking.optuna_study import OptunaView
from search.tracking.outbox import Tracker
from trainers.errors import EnvironmentProblem

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
    refused: bool = False  # MLflow did not take everything, which was told of
    ran: bool = True  # False: the search was complete, and nothing was left to run


def drive(session: Session) -> SearchResult:
    """Run a session to its end, and deliver it to MLflow."""
    folder, spec, history, hold = session.folder, session.spec, session.history, session.hold
    # the view asks for problems when it is made, so the tracker comes first; it tells nothing before it is started
    tracker = Tracker(folder, tracking_uri(spec, folder.root), hold.safe, lambda text: view.tell(text))
    view = session.display.view(session.plan, spec.search.metric_key, lambda: _problem(tracker, hold))
    keeper = Keeper(folder, history, session.task.to_keep, hold.drop_checkpoints)
    study = OptunaView(folder.optuna_view, spec, history)
    listeners = [tracker.on_event, view.on_event, keeper.on_event, study.on_event, *hold.listeners]
    with closing(folder.open_journal()) as journal, signals_taken(view.tell) as signals:
        conductor = Conductor(spec, history, journal, session.agenda, listeners=listeners)
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
                    conductor.pause(why)  # the journal is another driver's now
                else:
                    done = "done" if is_complete(session.agenda, history) else "interrupted"
                    conductor.close(stopper.reason or done)
        hold.flush(view.tell)
        if conductor.paused:
            mend = "it goes on there" if hold.taken_over() else f"mend it, then `{folder.hint('resume')}`"
            raise EnvironmentProblem(f"{conductor.paused}; nothing is lost: {mend}")
        view.tell("delivering to MLflow what it lacks")
        left = tracker.close(DELIVERY_PATIENCE)
    assert history.closed is not None, "a session that is not paused is closed"
    return SearchResult(
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
    """Write down that the search is extended. Raises EnvironmentProblem where the journal cannot be written."""
    try:
        conductor.extend(trials)
    except PausedError as error:  # nothing was written, so a resume would not extend the search
        raise EnvironmentProblem(f"{error}; nothing was changed: mend it, then say the same again") from error


def _reasons_to_end(
    session: Session, conductor: Conductor, signals: Signals, live: Callable[[], None]
) -> Callable[[], str | None]:
    """What Ray's loop asks at every turn, with a sign of life for who watches."""
    hold, max_hours = session.hold, session.spec.search.max_hours
    started, before = time.monotonic(), conductor.history.driven

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
    """What keeps the search's copies behind just now, for a person."""
    if (problem := hold.problem()) is not None:
        return problem
    if tracker.problem is None:
        return None
    return f"MLflow takes nothing just now ({tracker.problem}); the search goes on and delivers later"
