"""The delivery of a search's journal to an MLflow store: which run stands for what, and how far it came.

What is delivered again after a crash changes nothing: runs are found by their tags, and a metric with the same key,
step and timestamp is the same metric. So where runs are gone, as from a store that was emptied, all is delivered again.
"""

import json
import math
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

from search.journal.history import STATE_WORDS, History, Trial
from search.journal.labels import values_of
from search.journal.log import Event, read_events
from search.storage.redact import shown_uri
from search.storage.search_folder import SPEC, SearchFolder
from search.tracking.client import EXPERIMENT, connect, ensure_experiment
from spaces.fields import by_path
from spaces.spec import SearchSpec
from trainers.files import write_atomically

if TYPE_CHECKING:
    from mlflow.entities import Run

BATCH = 500  # events
ABOVE, NOTE = "mlflow.parentRunId", "mlflow.note.content"  # MLflow's tags
VERDICT = "### Verdict on fresh seeds"  # what a confirmation adds to the parent run's description begins with it


def undelivered(folder: SearchFolder) -> int:
    """How many events of the journal MLflow has not got."""
    return sum(1 for _ in read_events(folder.journal, _delivered(folder).offset))


def parent_run(folder: SearchFolder, uri: str) -> str | None:
    """The run that stands for the search in a store; None where none was delivered to it."""
    done = _delivered(folder)
    return done.parent if done.uri == shown_uri(uri) else None


@dataclass
class Delivered:
    """What MLflow has: the journal up to `offset`, and the runs that stand for search and trials."""

    uri: str  # as it may be shown: the file lies in a folder that is shared and copied
    offset: int
    parent: str | None
    runs: dict[int, str]


def _delivered(folder: SearchFolder) -> Delivered:
    try:
        stored = json.loads(folder.delivered.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Delivered("", 0, None, {})
    runs = {int(number): run for number, run in stored["runs"].items()}
    return Delivered(shown_uri(stored["uri"]), stored["offset"], stored["parent"], runs)


class Delivery:
    """One connection to an MLflow store, for one search."""

    def __init__(self, folder: SearchFolder, uri: str, *, mend: bool = False) -> None:
        """mend: where runs are gone that were delivered, deliver all again; else what was deleted stays away."""
        self._folder, self._spec, self._about = folder, folder.spec(), folder.about()
        self._client = connect(uri)
        self._done = _delivered(folder)
        if self._done.uri != shown_uri(uri):  # another store than last time: it gets everything
            self._done = Delivered(shown_uri(uri), 0, None, {})
        known = self._known_parent()
        name = self._spec.tracking.experiment or EXPERIMENT
        self._experiment = ensure_experiment(self._client, uri, name) if known is None else known.info.experiment_id
        if mend and (known is None or self._lacks_trials()):
            self._done = Delivered(self._done.uri, 0, None, {})
        if self._done.parent is None:
            self._write_down()  # the store may go away at once, and what it had before must not be believed then
        self._history = History()
        for event, offset in read_events(folder.journal):
            if offset > self._done.offset:
                break
            self._history.apply(event)
        self._metrics: defaultdict[str, list[Any]] = defaultdict(list)
        self._parent = self._done.parent or self._ensure_parent()
        if mend and (above := self._run_above()) is not None:
            self._client.set_tag(self._parent, ABOVE, above)  # which may be another one now

    def close_orphans(self) -> None:
        """Close what a killed driver left running; a resume opens it again."""
        if self._history.sessions and self._history.closed is None:
            self._close_search({"reason": "interrupted", "time": self._history.time})

    def reconcile(self) -> list[str]:
        """Count trials and epochs in the journal and in MLflow; what differs, in words."""
        found = []
        children = self._children()
        numbers = [int(run.data.tags["afcl.trial"]) for run in children]
        if sorted(numbers) != sorted(self._history.trials):
            found.append(f"{len(self._history.trials)} trials in the journal, {len(numbers)} runs in MLflow")
        for run in children:
            trial = self._history.trials.get(int(run.data.tags["afcl.trial"]))
            steps = [m.step for m in self._client.get_metric_history(run.info.run_id, self._spec.search.metric_key)]
            if trial is not None and sorted(steps) != sorted(trial.epochs):
                found.append(f"trial {trial.number}: {len(trial.epochs)} epochs in the journal, {len(steps)} in MLflow")
        return found

    @property
    def parent_location(self) -> tuple[str, str]:
        """Ids of the experiment and of the parent run."""
        return self._experiment, self._parent

    def catch_up(self, until: int = sys.maxsize) -> None:
        """Deliver all that the journal has, up to a byte."""

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

    def _write_down(self) -> None:
        write_atomically(self._folder.delivered, json.dumps(vars(self._done)).encode())

    def _known_parent(self) -> "Run | None":
        """The search's run, where one was delivered and nobody deleted it. Raises what MLflow does that cannot tell."""
        from mlflow.exceptions import MlflowException

        if self._done.parent is None:
            return None
        try:
            run = self._client.get_run(self._done.parent)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        return run if run.info.lifecycle_stage == "active" else None

    def _lacks_trials(self) -> bool:
        return not {run.info.run_id for run in self._children()}.issuperset(self._done.runs.values())

    def _children(self) -> "list[Run]":
        # by our own id: a search's confirmations stand under its run too
        ours = f"tags.`afcl.search_id` = '{self._about['id']}' and tags.`afcl.trial` != 'search'"
        return list(self._client.search_runs([self._experiment], ours, max_results=50_000))

    def _deliver(self, event: Event) -> None:
        kind = event["event"]
        if kind == "result":
            self._add_metrics(self._run_of(event["trial"]), event["metrics"], event["epoch"], event["time"])
        elif kind == "asked":
            self._run_of(event["trial"])
        elif kind == "launched":
            self._set_state(self._run_of(event["trial"]), "running", "RUNNING")
        elif kind == "decision":
            self._client.set_tag(self._run_of(event["trial"]), "rung", str(event["rung"]))
            if event["action"] == "spare":
                self._client.set_tag(self._run_of(event["trial"]), "would_have_stopped_at", str(event["epoch"]))
        elif kind == "end":
            self._end_trial(event)
        elif kind == "start":
            self._set_state(self._parent, "running", "RUNNING")
        elif kind == "close":
            self._close_search(event)

    def _end_trial(self, event: Event) -> None:
        self._flush_metrics()
        run = self._run_of(event["trial"])
        if event["score"] is not None:
            self._add_metrics(run, {"score": event["score"]}, event["epoch"], event["time"])
            best = self._history.ranked()[0].score
            ended = len(self._history.in_state("finished", "stopped", "failed"))
            self._add_metrics(self._parent, {"best_score": best}, ended, event["time"])
        if event["reason"] is not None:
            self._client.set_tag(run, "reason", event["reason"][:5000])
        self._flush_metrics()
        self._client.set_tag(run, "state", event["state"])
        status = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}[event["state"]]
        self._client.set_terminated(run, status, end_time=event["time"])

    def _close_search(self, event: Event) -> None:
        self._flush_metrics()
        for trial in self._history.in_state("pending", "running"):
            self._set_state(self._run_of(trial.number), "pending", "SCHEDULED")
        self._client.set_tag(self._parent, "state", event["reason"])
        _, heading, verdict = self._client.get_run(self._parent).data.tags.get(NOTE, "").partition(VERDICT)
        note = summary(self._spec, self._history, self._about)
        self._client.set_tag(self._parent, NOTE, f"{note}\n\n{heading}{verdict}" if heading else note)
        status = "FINISHED" if event["reason"] == "done" else "KILLED"
        self._client.set_terminated(self._parent, status, end_time=event["time"])

    def _set_state(self, run: str, state: str, status: str) -> None:
        self._client.set_tag(run, "state", state)
        self._client.update_run(run, status=status)

    def _add_metrics(self, run: str, metrics: Mapping[str, float | None], step: int, timestamp: int) -> None:
        from mlflow.entities import Metric

        self._metrics[run] += [
            Metric(metric_key(name), value, timestamp, step)
            for name, value in metrics.items()
            if value is not None and math.isfinite(value)
        ]

    def _flush_metrics(self) -> None:
        for run, metrics in self._metrics.items():
            for start in range(0, len(metrics), 1000):  # MLflow's limit for a batch
                self._client.log_batch(run, metrics=metrics[start : start + 1000])
        self._metrics.clear()

    def _run_of(self, number: int) -> str:
        if number not in self._done.runs:
            self._done.runs[number] = self._ensure_child(self._history.trials[number])
        return self._done.runs[number]

    def _find_run(self, number: str) -> str | None:
        tags = f"tags.`afcl.search_id` = '{self._about['id']}' and tags.`afcl.trial` = '{number}'"
        found = self._client.search_runs([self._experiment], tags, max_results=1)
        return str(found[0].info.run_id) if found else None

    def _ensure_parent(self) -> str:
        run = self._find_run("search")
        if run is None:
            tags = self._tags("search") | {"state": "running", NOTE: f"Search `{self._folder.title}`"}
            if (above := self._run_above()) is not None:
                tags[ABOVE] = above
            for name in ("git_commit", "code"):
                tags[name] = str(self._about["provenance"][name])
            created = self._client.create_run(self._experiment, tags=tags, run_name=self._folder.title)
            run = str(created.info.run_id)
        versions = self._about["provenance"]["versions"]
        params = by_path(self._spec.dump()) | {f"version.{name}": value for name, value in versions.items()}
        self._client.log_dict(run, self._spec.dump(), SPEC)
        self._describe(run, params, "search")
        return run

    def _ensure_child(self, trial: Trial) -> str:
        run = self._find_run(str(trial.number))
        if run is None:
            tags = self._tags(str(trial.number)) | {
                ABOVE: self._parent,
                "family": trial.family,
                "baseline": str(trial.baseline).lower(),
                "state": trial.state,
            }
            name = f"{trial.number:03d} {trial.kind}"
            created = self._client.create_run(self._experiment, start_time=trial.asked_at, tags=tags, run_name=name)
            run = str(created.info.run_id)
        else:
            self._client.set_tag(run, ABOVE, self._parent)  # which may be another one now
        self._describe(run, by_path(trial.config), "training")
        return run

    def _describe(self, run: str, params: Mapping[str, Any], context: str) -> None:
        """Log what a run is made of: of a found one too, as the server may have died just after creating it."""
        from mlflow.entities import Param

        for chunk in _chunks([Param(key, str(value)[:6000]) for key, value in params.items()], 100):
            self._client.log_batch(run, params=chunk)
        self._log_dataset(run, context)

    def _run_above(self) -> str | None:
        """The search's own run, under which a confirmation's stands; None for a search."""
        above = _delivered(self._folder.searched)
        return above.parent if self._folder.searched is not self._folder and above.uri == self._done.uri else None

    def _tags(self, number: str) -> dict[str, str]:
        kind = "search" if self._folder.searched is self._folder else "confirmation"
        search = {"afcl.search": self._folder.title, "afcl.search_id": self._about["id"]}
        return search | {"afcl.kind": kind, "afcl.trial": number}

    def _log_dataset(self, run: str, context: str) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        data = self._about["provenance"]["data"]
        dataset = Dataset(
            name=data["description"][:500],
            digest=data["fingerprint"][:36],
            source_type="local",
            source=json.dumps({"dataset": self._spec.data.dataset}),
            profile=json.dumps({"train": data["train"], "validation": data["validation"]}),
        )
        self._client.log_inputs(run, datasets=[DatasetInput(dataset, [InputTag("mlflow.data.context", context)])])


def summary(spec: SearchSpec, history: History, about: dict[str, Any]) -> str:
    """A search in a few lines of Markdown: the parent run's description."""
    counts = history.counts()
    states = ", ".join(
        f"{counts[state]} {STATE_WORDS[state]}"
        for state in ("finished", "stopped", "failed", "pending")
        if counts[state]
    )
    lines = [f"**{spec.name}** on {about['provenance']['data']['description']}: {states}.", ""]
    if ranked := history.ranked():
        lines += [f"| rank | trial | loss | {spec.search.metric_key} | values |", "|---|---|---|---|---|"]
        for rank, trial in enumerate(ranked[:5], 1):
            lines.append(f"| {rank} | {trial.number} | {trial.family} | {trial.score:.4f} | {values_of(trial)} |")
        lines += ["", "One seed each: luck is part of the best score. The metric is of the validation split."]
    return "\n".join(lines)


def metric_key(name: str) -> str:
    """A metric's name with what MLflow does not allow in one (of a class's name, say) replaced."""
    return re.sub(r"[^\w\-. /]", "_", name)


def _chunks(items: list[Any], size: int) -> Iterator[list[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
