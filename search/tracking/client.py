"""The MLflow store: its address, a client for it, and the message when it does not answer."""

import functools
import logging
import os
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.storage.addresses import (
    anchored,
    file_path,
    file_uri,
    for_mlflow,
    is_of_this_machine,
    sqlite_path,
    sqlite_uri,
)
from search.storage.redact import shown_uri
from search.tracking.moved_store import ARTIFACTS, KIND, MODEL_TRAINING, follow
from search.tracking.names import experiment_name
from search.tracking.troubles import StoreProblem
from spaces.spec import SearchSpec
from trainers.errors import InputError
from trainers.locking import lock_at

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

EXPERIMENT = "afcl"
DATABASE = "mlflow.db"
OTHER_VERSION = re.compile(r"found version (\w+), but expected|Can't locate revision identified by '([^']+)")


def tracking_uri(spec: SearchSpec | None, results: Path) -> str:
    """The address of the MLflow store: the spec's, else MLFLOW_TRACKING_URI, else an sqlite file in `results`."""
    named = (spec.tracking.uri if spec is not None else None) or os.environ.get("MLFLOW_TRACKING_URI")
    return anchored(named, Path.cwd()) if named else sqlite_uri(results / DATABASE)


def anchored_store(own: str | None) -> str | None:
    """The MLflow store to write into a new search's spec, as an absolute address: later the working folder may differ.

    Args:
        own: the address that the spec names; None takes MLFLOW_TRACKING_URI.

    Returns:
        The absolute address. None if no address is given, or if the spec names none and MLFLOW_TRACKING_URI is absolute
        already.

    Raises:
        InputError: `own` is a plain folder, in which MLflow keeps no runs unless MLFLOW_ALLOW_FILE_STORE is set.
    """
    named = own or os.environ.get("MLFLOW_TRACKING_URI")
    if not named:
        return None
    whole = anchored(named, Path.cwd())
    folder = file_path(whole) if own and sqlite_path(whole) is None else None
    if folder is not None and os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() not in ("true", "1"):
        database = shlex.quote(sqlite_uri(folder / DATABASE))
        raise InputError(f"tracking.uri: MLflow keeps no runs in plain folders any more; name a database: {database}")
    return own if whole == named else whole


def connect(uri: str, tell: Callable[[str], None] | None = None) -> "MlflowClient":
    """Connect to a store and check that it answers.

    If the store is an sqlite file that was moved, its artifact addresses are repaired first; see `moved_store`.

    Args:
        uri: the store's address.
        tell: is called with messages about the store for the user.

    Raises:
        StoreProblem: the store's database was written by another version of MLflow.
        Exception: whatever MLflow raises if the store does not answer.
    """
    # without this, a call on a dead server retries for four minutes
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # else two lines for each run that ends
    for name in ("mlflow", "alembic"):  # both also raise the errors that they log, and the caller reports them
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with _creation_lock(uri):
        if (moved := follow(uri)) is not None:
            _forget_places()
            if tell is not None:
                tell(moved)
        try:
            client = _reading_client()(for_mlflow(uri))
            client.search_experiments(max_results=1)  # the first call creates an sqlite store
        except Exception as error:  # MLflow raises whatever its store raises
            raise explained(error, uri) from None
    return client


READS = (
    "get_experiment",
    "get_experiment_by_name",
    "get_metric_history",
    "get_run",
    "search_experiments",
    "search_model_versions",
    "search_runs",
)


@functools.cache
def _reading_client() -> "type[MlflowClient]":
    """A subclass of MLflow's client that repeats a read if the server had closed the idle connection.

    Servers keep idle connections open for a few seconds only. Failed writes are repeated in `search.tracking.taking`.
    """
    from mlflow import MlflowClient

    def again(name: str) -> Callable[..., Any]:
        def read(client: MlflowClient, *given: Any, **more: Any) -> Any:
            call = getattr(MlflowClient, name)
            try:
                return call(client, *given, **more)
            except Exception as error:  # MLflow raises whatever its store raises
                if "Connection aborted" not in str(error):
                    raise
            return call(client, *given, **more)

        return read

    return type("ReadingClient", (MlflowClient,), {name: again(name) for name in READS})


def _forget_places() -> None:
    """Clear MLflow's cache of artifact addresses, which would otherwise last as long as the process."""
    from mlflow.tracking._tracking_service import utils

    utils._artifact_repos_cache.clear()


def explained(error: Exception, uri: str) -> Exception:
    """A StoreProblem that says what to do if a local database is of another version of MLflow; else `error` itself."""
    found = OTHER_VERSION.search(str(error))
    if found is None or not is_of_this_machine(uri):
        return error
    import mlflow

    steps = Path(mlflow.__file__).parent / "store" / "db_migrations" / "versions"
    if list(steps.glob(f"{found[1] or found[2]}_*.py")):  # this MLflow knows that version, so the database is older
        return StoreProblem(
            "its database is of an older MLflow: make a copy of it, then "
            f"`mlflow db upgrade {shlex.quote(for_mlflow(uri))}`"
        )
    return StoreProblem(
        f"its database is of a newer MLflow than the {mlflow.__version__} here: install that one, "
        "or name another store with MLFLOW_TRACKING_URI"
    )


@contextmanager
def default_store(uri: str) -> Iterator[None]:
    """Make `uri` MLflow's default store within the block, for those MLflow functions that have no parameter for it.

    MLflow's setter also writes MLFLOW_TRACKING_URI. This variable is restored afterwards. Otherwise a later search in
    this process would think that the user has set the variable.
    """
    import mlflow  # imported only here: it takes seconds

    before = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(for_mlflow(uri))
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)  # type: ignore[arg-type]  # None restores the state before the first call


@contextmanager
def _creation_lock(uri: str) -> Iterator[None]:
    """Hold a lock within the block if the store is an sqlite file; for other stores do nothing.

    Two processes that create the same file at once crash in MLflow's migration.
    """
    database = sqlite_path(uri)
    if database is None:
        yield
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with lock_at(database.with_name(f".{database.name}.lock")):
        yield


def ensure_experiment(client: "MlflowClient", uri: str, name: str) -> str:
    """The id of the experiment `name`. If there is none, create it, tagged so that MLflow's UI opens on its runs.

    Raises:
        StoreProblem: the experiment was deleted.
    """
    for called in dict.fromkeys((name, experiment_name(name))):
        existing = client.get_experiment_by_name(called)
        if existing is not None:
            refuse_deleted_experiment(existing, uri)
            return str(existing.experiment_id)
    database = sqlite_path(uri)
    artifacts = None if database is None else file_uri(database.parent / ARTIFACTS)
    tags = {KIND: MODEL_TRAINING}
    return str(client.create_experiment(experiment_name(name), artifact_location=artifacts, tags=tags))


def refuse_deleted_experiment(experiment: "Experiment", uri: str) -> None:
    """Raise StoreProblem if the experiment was deleted. The message has the command that restores it."""
    if experiment.lifecycle_stage == "active":
        return
    store = "" if shown_uri(uri) != uri else f"MLFLOW_TRACKING_URI={shlex.quote(for_mlflow(uri))} "
    raise StoreProblem(
        f"its experiment {experiment.name} was deleted; restore it with "
        f"`{store}mlflow experiments restore --experiment-id {experiment.experiment_id}`"
    )
