"""The MLflow runs of a search and its trials. They are found by their tags, and created if there are none."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search.journal.history import Trial
from search.journal.log import read_events
from search.storage.search_folder import FINAL, SearchFolder
from search.tracking.delivered import read_delivered
from search.tracking.names import LONGEST_PARAMETER, Keys, cut
from search.tracking.run_format import FORMAT, TAG, format_of, of_the_search, shown_parameter
from search.tracking.taking import Taker
from spaces.fields import by_path

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

ABOVE, NOTE = "mlflow.parentRunId", "mlflow.note.content"  # MLflow's tags
VERDICT = "### Verdict on fresh seeds"  # the heading of what a confirmation adds to the parent run's description


class Runs:
    """The runs of one search in one experiment."""

    def __init__(
        self,
        client: "MlflowClient",
        taker: Taker,
        folder: SearchFolder,
        experiment: str,
        uri: str,
        parent: "Run | None" = None,
    ) -> None:
        """Find the format of the search's runs.

        Args:
            client: the store's client.
            taker: writes to the store.
            folder: the search.
            experiment: the experiment's id.
            uri: the store's address without passwords.
            parent: the search's run; None if it is not known yet.
        """
        self._client, self._taker, self._experiment, self._uri = client, taker, experiment, uri
        self._folder, self._spec, self._about = folder, folder.spec(), folder.about()
        # if only the search's run was deleted, the trials' runs tell the format
        self.format = format_of(parent.data.tags) if parent is not None else self._format_of_children()

    def children(self) -> "list[Run]":
        """The runs of the search's trials that MLflow has, the deleted ones left out."""
        # asked by the search's id and not by the parent run, under which confirmations have their runs, too
        ours = f"tags.`afcl.search_id` = '{self._about['id']}' and tags.`afcl.trial` != 'search'"
        return list(self._client.search_runs([self._experiment], ours, max_results=50_000))

    def above(self) -> str | None:
        """For a last step or a confirmation, the id of its search's run. None if that run is not in this store.

        For a search always None.
        """
        above = read_delivered(self._folder.searched)
        return above.parent if self._folder.searched is not self._folder and above.uri == self._uri else None

    def ensure_parent(self) -> str:
        """Find or create the search's run; return its id. Raises MLflow's error: everything else needs this run."""
        found = self._find("search")
        if found is None:
            tags = self._tags("search") | {"state": "running", NOTE: f"Search `{self._folder.title}`"}
            if (above := self.above()) is not None:
                tags[ABOVE] = above
            for name in ("git_commit", "code"):
                tags[name] = str(self._about["provenance"][name])
            began = next((event["time"] for event, _ in read_events(self._folder.journal)), None)
            found = self._client.create_run(self._experiment, start_time=began, tags=tags, run_name=self._folder.title)
        run = str(found.info.run_id)
        self.format = format_of(found.data.tags)
        self._taker.names[run] = "the search"
        versions = self._about["provenance"]["versions"]
        params = by_path(self._spec.dump()) | {f"version.{name}": value for name, value in versions.items()}
        if self.format > 1:
            params = of_the_search(params, self._spec.space)
        self._describe(run, found.data.params, params, "search")
        return run

    def ensure_child(self, trial: Trial, parent: str) -> str | None:
        """Find or create a trial's run; return its id, or None if the store refuses the run.

        Args:
            trial: the trial.
            parent: the id of the search's run.
        """
        tags = self._tags(str(trial.number)) | {
            ABOVE: parent,
            "family": trial.family,
            "baseline": str(trial.baseline).lower(),
            "state": trial.state,
        }
        name = f"{trial.number:03d} {trial.kind}"

        def find_or_create() -> "Run":
            found = self._find(str(trial.number))
            return found or self._client.create_run(
                self._experiment, start_time=trial.asked_at, tags=tags, run_name=name
            )

        found = self._taker.attempt(None, "run", f"a run for trial {trial.number}", find_or_create)
        if found is None:
            return None
        run = str(found.info.run_id)
        self._taker.names[run] = f"trial {trial.number}"
        if found.data.tags.get(ABOVE) != parent:  # the parent run may have been created anew
            self.set_tag(run, ABOVE, parent)
        params = by_path(trial.config)
        if self.format > 1:
            params = {path: shown_parameter(value) for path, value in params.items()}
        self._describe(run, found.data.params, params, "training")
        return run

    def set_tag(self, run: str, key: str, value: str) -> None:
        """Set the tag `key` of the run with the id `run`."""
        what = f"the tag {key} of {self._taker.names.get(run, run)}"
        self._taker.attempt(run, "tag", what, lambda: self._client.set_tag(run, key, value))

    def _format_of_children(self) -> int:
        ours = f"tags.`afcl.search_id` = '{self._about['id']}' and tags.`afcl.trial` != 'search'"
        found = self._client.search_runs([self._experiment], ours, max_results=1)
        return format_of(found[0].data.tags) if found else FORMAT

    def _find(self, number: str) -> "Run | None":
        tags = f"tags.`afcl.search_id` = '{self._about['id']}' and tags.`afcl.trial` = '{number}'"
        found = self._client.search_runs([self._experiment], tags, max_results=1)
        return found[0] if found else None

    def _tags(self, number: str) -> dict[str, str]:
        is_inside = self._folder.searched is not self._folder
        kind = ("final" if self._folder.name.startswith(FINAL) else "confirmation") if is_inside else "search"
        search = {"afcl.search": self._folder.title, "afcl.search_id": self._about["id"]}
        noted = {} if self.format == 1 else {TAG: str(self.format)}
        return search | {"afcl.kind": kind, "afcl.trial": number} | noted

    def _describe(self, run: str, known: Mapping[str, str], params: Mapping[str, Any], context: str) -> None:
        """Log a run's parameters and dataset, also for a run that was found: after a crash it may lack them.

        Args:
            run: the run's id.
            known: the parameters that the run has. MLflow allows no change of them.
            params: all parameters of the run.
            context: the dataset's context in MLflow.
        """
        from mlflow.entities import Param

        keys = Keys(params)
        new = {keys.of(path): cut(str(value), LONGEST_PARAMETER) for path, value in params.items()}
        self._taker.log_params(run, [Param(key, value) for key, value in new.items() if key not in known])
        self._log_dataset(run, context)

    def _log_dataset(self, run: str, context: str) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        data = self._about["provenance"]["data"]
        dataset = Dataset(
            name=cut(data["description"], 500),
            digest=data["fingerprint"][:36],
            source_type="local",
            source=json.dumps({"dataset": self._spec.data.dataset}),
            profile=json.dumps({"train": data["train"], "validation": data["validation"]}),
        )
        inputs = [DatasetInput(dataset, [InputTag("mlflow.data.context", context)])]
        what = f"the dataset of {self._taker.names.get(run, run)}"
        self._taker.attempt(run, "dataset", what, lambda: self._client.log_inputs(run, datasets=inputs))
