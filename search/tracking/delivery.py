"""Deliver a search's journal to an MLflow store, event by event, in order.

Delivering an event twice changes nothing: runs are found by their tags, and MLflow stores a value with the same key,
step and timestamp only once. So a crash does no harm, and if runs are gone, for example because the store was emptied,
everything is delivered again. What the store refused is tried again by the next `sync` or session. Artifacts come last.
"""

import math
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

from search.evidence.ranking import last_step, ranking
from search.journal.history import History
from search.journal.log import Event, read_events
from search.storage.redact import shown_uri
from search.storage.search_folder import SPEC, SearchFolder
from search.tracking.artifacts import log_values
from search.tracking.client import EXPERIMENT, connect, ensure_experiment, refuse_deleted_experiment
from search.tracking.delivered import Delivered, read_delivered, write_delivered
from search.tracking.description import summary, with_its_verdict
from search.tracking.names import LONGEST_TAG, cut
from search.tracking.points import SEARCH, Point, metric_keys, points_of
from search.tracking.reconciliation import differences, found_points
from search.tracking.refusals import Refusals
from search.tracking.run_format import reason_in, remark_on, rung_name, status_of
from search.tracking.runs import ABOVE, NOTE, Runs
from search.tracking.shown_searches import share_view, shared_views
from search.tracking.taking import Taker
from search.tracking.troubles import in_one_line, is_gone
from search.tracking.views import view_of

if TYPE_CHECKING:
    from mlflow.entities import Run

BATCH = 500  # events


class Delivery:
    """One connection to an MLflow store, for one search."""

    def __init__(
        self,
        folder: SearchFolder,
        uri: str,
        *,
        refusals: Refusals,
        mend: bool = False,
        tell: Callable[[str], None] | None = None,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """Connect to the store, and find or create the search's run.

        Args:
            folder: the search.
            uri: the store's address.
            refusals: notes the items that the store refuses.
            mend: whether everything is delivered again if delivered runs are gone or something was refused. With False,
                deleted runs stay deleted.
            tell: is called with messages about the store for the user.
            wait: waits for a number of seconds while the store is busy.
        """
        self._folder, self._uri, self._spec, self._about = folder, uri, folder.spec(), folder.about()
        self._client = connect(uri, tell)
        self._refusals, self._keys = refusals, metric_keys(folder)
        self._taker = Taker(self._client, refusals, self._refuse_deleted_experiment, wait)
        self._done = read_delivered(folder)
        if self._done.uri != shown_uri(uri):  # another store than last time gets everything
            self._done = Delivered(shown_uri(uri))
        known = self._known_parent()
        name = self._spec.tracking.experiment or EXPERIMENT
        self._experiment = ensure_experiment(self._client, uri, name) if known is None else known.info.experiment_id
        self._runs = Runs(self._client, self._taker, folder, self._experiment, shown_uri(uri), known)
        if mend and (known is None or self._done.is_partial or self._lacks_trials()):
            self._done = Delivered(self._done.uri, artifacts=[] if known is None else self._done.artifacts)
        if self._done.parent is None:
            self._write_down()  # if the store fails now, the older state must not be believed at the next start
        self._history = History()
        for event, offset in read_events(folder.journal):
            if offset > self._done.offset:
                break
            self._history.apply(event)
        self._metrics: defaultdict[str, list[Any]] = defaultdict(list)
        self._parent = self._done.parent or self._runs.ensure_parent()
        self._format = self._runs.format
        if mend and tell is not None and (remark := remark_on(self._format)) is not None:
            tell(remark)
        self._taker.names |= {self._parent: "the search"}
        self._taker.names |= {run: f"trial {number}" for number, run in self._done.runs.items()}
        if mend and (above := self._runs.above()) is not None:
            self._runs.set_tag(self._parent, ABOVE, above)  # the search's run may have been created anew
        self._taker.attempt(None, "view", "the view of the search", self._share_view)
        self._refused_runs: set[int] = set()  # numbers of trials whose run was refused
        self._tried_artifacts = self._told_fresh_seeds = False

    def close_orphans(self) -> None:
        """End the search's run in MLflow, and set its unfinished trials' runs to pending, after a driver was killed.

        A resume sets the runs to running again.
        """
        if self._history.sessions and self._history.closed is None:
            self._close_search({"reason": "interrupted", "time": self._history.time})
            self._write_down()

    def reconcile(self) -> list[str]:
        """Compare every run and every metric value of the journal with MLflow.

        Missing values are delivered again before the comparison, unless they were refused in this session. Refused
        values are not counted as differences, as they were reported already.

        Returns:
            The differences in words; empty if there are none.
        """
        wanted = self._wanted()
        children = self._runs.children()
        runs = {int(run.data.tags["afcl.trial"]): run for run in children}
        runs[SEARCH] = self._client.get_run(self._parent)
        wanted = {point for point in wanted if point.trial in runs}  # missing runs are counted below
        found = found_points(self._client, runs, wanted)
        if lacking := self._not_refused(wanted.difference(found), runs):
            again = {number: runs[number] for number in {point.trial for point in lacking}}
            for number, run in again.items():
                self._add_metrics(run.info.run_id, (point for point in lacking if point.trial == number))
            self._flush_metrics()
            again = {number: self._client.get_run(run.info.run_id) for number, run in again.items()}
            found = [point for point in found if point.trial not in again]
            found += found_points(self._client, again, wanted)
        missing = wanted.difference(found)
        different = list(differences(wanted - (missing - self._not_refused(missing, runs)), found))
        trials = [number for number in self._history.trials if number not in self._refused_runs]
        numbers = [int(run.data.tags["afcl.trial"]) for run in children]
        if sorted(numbers) != sorted(trials):
            different.insert(0, f"{len(trials)} trials in the journal, {len(numbers)} runs in MLflow")
        return different

    @property
    def parent_location(self) -> tuple[str, str]:
        """The ids of the experiment and of the parent run."""
        return self._experiment, self._parent

    def catch_up(self, until: int = sys.maxsize) -> None:
        """Deliver the journal up to byte `until`, then the means on fresh seeds and the artifacts."""

        def next_events() -> list[tuple[Event, int]]:
            read = read_events(self._folder.journal, self._done.offset)
            return list(islice(takewhile(lambda one: one[1] <= until, read), BATCH))

        while events := next_events():
            for event, offset in events:
                self._history.apply(event)
                self._deliver(event)
                self._done.offset = offset
            self._flush_metrics()
            self._done.parent = self._parent
            self._write_down()
        self._deliver_fresh_seeds()
        if not self._tried_artifacts:
            self._tried_artifacts = True
            self._deliver_artifacts()

    def _deliver_fresh_seeds(self) -> None:
        """When the search is done, deliver the result of its last step, which ran the best trials on fresh seeds.

        The runs of these trials get their mean and its standard error. The search's description gets the new order.
        """
        if self._told_fresh_seeds or self._history.closed is None or self._history.closed["reason"] != "done":
            return
        validated = last_step(self._folder, self._history).validated
        if not validated:
            return
        for number, found in validated.items():
            trial = self._history.trials[number]
            told = {"fresh_seeds_mean": found.mean, "fresh_seeds_error": found.error}
            step = trial.epoch if self._format == 1 else 0  # the UI draws a value at step 0 as a bar
            self._add_metrics(
                self._run_of(number),
                [
                    Point(number, key, step, value, trial.ended_at or 0)
                    for key, value in told.items()
                    if value is not None and math.isfinite(value)
                ],
            )
        self._flush_metrics()
        self._taker.attempt(self._parent, "tag", "the description", self._describe)
        self._told_fresh_seeds = True

    def _share_view(self) -> None:
        """List the search under "Views" in the UI of every server."""
        view = view_of(self._client.get_run(self._parent))
        if view.key not in shared_views(self._client, self._experiment):
            share_view(self._client, self._experiment, view)

    def _deliver_artifacts(self) -> None:
        """Store the spec as an artifact, unless it was stored before. A failure is noted and not raised."""
        if SPEC in self._done.artifacts:
            return
        try:
            log_values(self._client, self._uri, self._parent, self._spec.dump(), SPEC)
        except Exception as error:  # every artifact store raises errors of its own
            self._refusals.add("artifact", f"the artifact {SPEC}", in_one_line(error))
        else:
            self._done.artifacts.append(SPEC)
            self._write_down()

    def _write_down(self) -> None:
        self._done.is_partial = self._done.is_partial or self._taker.lacks_more
        write_delivered(self._folder, self._done)

    def _known_parent(self) -> "Run | None":
        """The search's run; None if it was never delivered, or was deleted. Raises MLflow's other errors."""
        if self._done.parent is None:
            return None
        try:
            run = self._client.get_run(self._done.parent)
        except Exception as error:  # MLflow raises whatever its store raises
            if not is_gone(error):
                raise
            return None
        return run if run.info.lifecycle_stage == "active" else None

    def _refuse_deleted_experiment(self) -> None:
        refuse_deleted_experiment(self._client.get_experiment(self._experiment), self._uri)

    def _lacks_trials(self) -> bool:
        return not {run.info.run_id for run in self._runs.children()}.issuperset(self._done.runs.values())

    def _wanted(self) -> set[Point]:
        """Every metric value in the delivered part of the journal."""
        history, wanted = History(), set[Point]()
        for event, offset in read_events(self._folder.journal):
            if offset > self._done.offset:
                break
            history.apply(event)
            wanted.update(points_of(event, history, self._keys, self._format))
        return wanted

    def _not_refused(self, points: set[Point], runs: "dict[int, Run]") -> set[Point]:
        """The points that the store has not refused in this session."""
        aside = self._taker.set_aside
        return {point for point in points if (runs[point.trial].info.run_id, point.key, point.step) not in aside}

    def _deliver(self, event: Event) -> None:
        kind = event["event"]
        for point in points_of(event, self._history, self._keys, self._format):
            run = self._parent if point.trial == SEARCH else self._run_of(point.trial)
            self._add_metrics(run, [point])
        if kind == "start":
            self._set_state(self._parent, "running", "RUNNING")
        elif kind == "close":
            self._close_search(event)
        elif "trial" in event and (run := self._run_of(event["trial"])) is not None:
            if kind == "launched":
                self._set_state(run, "running", "RUNNING")
            elif kind == "decision":
                self._runs.set_tag(run, "rung", rung_name(event, self._format))
                if event["action"] == "spare":
                    self._runs.set_tag(run, "would_have_stopped_at", str(event["epoch"]))
                if event["action"] == "pause":
                    self._set_state(run, "paused", "SCHEDULED")
            elif kind == "end":
                self._end_trial(event, run)

    def _end_trial(self, event: Event, run: str) -> None:
        if event["reason"] is not None:
            self._runs.set_tag(run, "reason", cut(reason_in(event["reason"], self._format), LONGEST_TAG))
        self._flush_metrics()
        self._runs.set_tag(run, "state", event["state"])
        self._terminate(run, status_of(event["state"], self._format), event["time"])

    def _close_search(self, event: Event) -> None:
        self._flush_metrics()
        for trial in self._history.in_state("pending", "running"):
            if (run := self._run_of(trial.number)) is not None:
                self._set_state(run, "pending", "SCHEDULED")
        self._runs.set_tag(self._parent, "state", event["reason"])
        self._taker.attempt(self._parent, "tag", "the description", self._describe)
        status = "FINISHED" if event["reason"] == "done" else "KILLED"
        self._terminate(self._parent, status, event["time"])

    def _describe(self) -> None:
        """Write the description of the search's run. If the old description has a verdict, the verdict is kept."""
        told = summary(self._spec, self._history, self._about, ranking(self._folder, self._history))
        tags = self._client.get_run(self._parent).data.tags
        self._client.set_tag(self._parent, NOTE, with_its_verdict(told, tags))

    def _set_state(self, run: str, state: str, status: str) -> None:
        self._runs.set_tag(run, "state", state)
        self._taker.attempt(run, "state", f"the state {status}", lambda: self._client.update_run(run, status=status))

    def _terminate(self, run: str, status: str, at: int) -> None:
        def end() -> None:
            self._client.set_terminated(run, status, end_time=at)

        self._taker.attempt(run, "state", f"the state {status}", end)

    def _add_metrics(self, run: str | None, points: Iterable[Point]) -> None:
        from mlflow.entities import Metric

        if run is not None:  # None: the store refused the run, which was reported
            self._metrics[run] += [Metric(point.key, point.value, point.time, point.step) for point in points]

    def _flush_metrics(self) -> None:
        for run, metrics in self._metrics.items():
            self._taker.log_metrics(run, metrics)
        self._metrics.clear()

    def _run_of(self, number: int) -> str | None:
        if number not in self._done.runs and number not in self._refused_runs:
            run = self._runs.ensure_child(self._history.trials[number], self._parent)
            if run is None:
                self._refused_runs.add(number)
            else:
                self._done.runs[number] = run
        return self._done.runs.get(number)
