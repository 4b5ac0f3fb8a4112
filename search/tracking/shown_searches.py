"""Which searches MLflow's UI opens on: the newest of each of our experiments, or the one that was asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.tracking.moved_store import KIND, MODEL_TRAINING
from search.tracking.views import SHARED, SearchView, best_first, shared_view, view_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

MOST_RUNS = 10_000  # the most runs of one search that are read
MOST_TRIALS = 1000  # the most finished trials of a search that are read, best first


@dataclass(frozen=True)
class Shown:
    """A search to show on the page of its experiment."""

    experiment: str  # the experiment's id
    experiment_name: str
    view: SearchView
    others: int  # how many other searches the experiment has


def shown_searches(client: "MlflowClient", wanted: str | None = None) -> list[Shown]:
    """The newest search of each experiment that has any.

    Args:
        client: the store's client.
        wanted: the id of a search to show for its experiment in place of the newest.
    """
    found = client.search_experiments(filter_string=f"tags.`{KIND}` = '{MODEL_TRAINING}'")
    return [shown for one in found for shown in _shown(client, str(one.experiment_id), str(one.name), wanted)]


def _shown(client: "MlflowClient", experiment: str, name: str, wanted: str | None) -> Iterator[Shown]:
    parents = searches_in(client, experiment)
    if parents:
        named = [] if wanted is None else _runs_of(client, experiment, wanted)
        yield Shown(experiment, name, view_of((named or parents)[0]), len(parents) - 1)


def searches_in(client: "MlflowClient", experiment: str) -> "list[Run]":
    """The searches' own runs, newest first. Runs of confirmations are not among them."""
    ours = "tags.`afcl.trial` = 'search' and tags.`afcl.kind` = 'search'"
    return list(client.search_runs([experiment], ours, order_by=["attributes.start_time DESC"]))


def _runs_of(client: "MlflowClient", experiment: str, search: str) -> "list[Run]":
    if "'" in search:
        return []
    ours = f"tags.`afcl.search_id` = '{search}' and tags.`afcl.trial` = 'search'"
    return list(client.search_runs([experiment], ours, max_results=1))


def runs_of_trials(client: "MlflowClient", search: str) -> dict[int, str]:
    """The run id of each trial of a search, by the trial's number. All experiments are looked through.

    Args:
        client: the client of the store.
        search: the search's id.
    """
    if "'" in search:
        return {}
    ours = f"tags.`afcl.search_id` = '{search}' and tags.`afcl.trial` != 'search'"
    experiments = [str(one.experiment_id) for one in client.search_experiments()]
    found = client.search_runs(experiments, ours, max_results=MOST_RUNS)
    return {int(run.data.tags["afcl.trial"]): str(run.info.run_id) for run in found}


def finished_runs(client: "MlflowClient", shown: Shown) -> list[str]:
    """The ids of the runs of a search's finished trials, as `best_first` chooses and sorts them."""
    finished = f"{shown.view.rows} and tags.`state` = 'finished'"
    order = ["metrics.`score` DESC"]
    found = client.search_runs([shown.experiment], finished, order_by=order, max_results=MOST_TRIALS)
    return [str(run.info.run_id) for run in best_first(found)]


def share_view(client: "MlflowClient", experiment: str, view: SearchView) -> None:
    """Have MLflow's UI list the view under "Views" of the experiment. Raises MLflow's error if the store refuses."""
    client.set_experiment_tag(experiment, f"{SHARED}{view.key}", shared_view(view))


def shared_views(client: "MlflowClient", experiment: str) -> set[str]:
    """The keys of an experiment's shared views."""
    tags = client.get_experiment(experiment).tags
    return {key.removeprefix(SHARED) for key in tags if key.startswith(SHARED)}
