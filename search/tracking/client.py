"""The MLflow store: where it is, how to reach it, and what to say when it does not answer."""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from search.storage.redact import shown_uri
from spaces.spec import SearchSpec
from trainers.locking import lock_at

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "afcl"
# the UI has two sides: this one, and language models
KIND, MODEL_TRAINING = "mlflow.experimentKind", "custom_model_development"


def tracking_uri(spec: SearchSpec | None, results: Path) -> str:
    """The spec's MLflow store, else MLFLOW_TRACKING_URI, else an sqlite file in the results folder."""
    if spec is not None and spec.tracking.uri:
        return spec.tracking.uri
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{results / 'mlflow.db'}"


def connect(uri: str) -> "MlflowClient":
    """A client of the store, which answers. Raises whatever MLflow raises when it does not."""
    # one call on a dead server would else retry for four minutes
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # two lines for every run that ends
    from mlflow import MlflowClient

    for name in ("mlflow", "alembic"):  # what they log as an error they also raise, and the caller tells it in a line
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with _creation_lock(uri):
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)  # the first call creates or migrates an sqlite store
    return client


@contextmanager
def default_store(uri: str) -> Iterator[None]:
    """Make a store MLflow's default inside, for those of its functions that take none.

    MLflow's own setter also writes the environment, where a later search of this process would take it for the user's.
    """
    import mlflow  # seconds

    before = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)  # type: ignore[arg-type]  # None: as before it was ever set


@contextmanager
def _creation_lock(uri: str) -> Iterator[None]:
    """Two processes that create one sqlite store at once would crash in its migration."""
    if not uri.startswith("sqlite:///"):
        yield
        return
    database = Path(uri.removeprefix("sqlite:///"))
    database.parent.mkdir(parents=True, exist_ok=True)
    with lock_at(database.with_name(f".{database.name}.lock")):
        yield


def ensure_experiment(client: "MlflowClient", uri: str, name: str) -> str:
    """The id of the experiment of that name, made to open on model training where it is new."""
    existing = client.get_experiment_by_name(name)
    if existing is not None:
        return str(existing.experiment_id)
    artifacts = None
    if uri.startswith("sqlite:///"):  # beside the database, wherever afcl is called from
        artifacts = (Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts").absolute().as_uri()
    return str(client.create_experiment(name, artifact_location=artifacts, tags={KIND: MODEL_TRAINING}))


def experiments(uri: str) -> list[tuple[str, str]]:
    """Ids and names of the experiments of ours that a store has."""
    found = connect(uri).search_experiments(filter_string=f"tags.`{KIND}` = '{MODEL_TRAINING}'")
    return [(str(experiment.experiment_id), str(experiment.name)) for experiment in found]


def in_one_line(error: Exception) -> str:
    """What MLflow's exception comes to, for a person."""
    text = str(error)
    if refused := re.search(r"error code (\d+)|too many (\d+) error responses", text):
        code = refused[1] or refused[2]
        return f"it answers {code}" + (", name or password are wrong" if code in ("401", "403") else "")
    if "Max retries exceeded" in text:
        return "no server answers"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return shown_uri(lines[0])[:300]
