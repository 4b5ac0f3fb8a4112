"""Files for a run in MLflow: they go where the run says, which need not be a place that this host can write to."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from search.storage.addresses import file_path
from search.tracking.troubles import StoreProblem

if TYPE_CHECKING:
    from mlflow import MlflowClient

Answer = TypeVar("Answer")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def log_file(client: "MlflowClient", uri: str, run: str, path: Path, folder: str | None = None) -> None:
    """Give a run a file, in a folder of its artifacts. Raises whatever keeps it from being stored."""
    _store(client, uri, run, lambda: client.log_artifact(run, str(path), folder))


def log_values(client: "MlflowClient", uri: str, run: str, values: dict[str, object], name: str) -> None:
    """Give a run values as a JSON or YAML file. Raises whatever keeps it from being stored."""
    _store(client, uri, run, lambda: client.log_dict(run, values, name))


def _store(client: "MlflowClient", uri: str, run: str, call: Callable[[], Answer]) -> Answer:
    refuse_a_place_of_the_servers(client, uri, run)
    return call()


def refuse_a_place_of_the_servers(client: "MlflowClient", uri: str, run: str) -> None:
    """Raise StoreProblem where a server on another host has its artifacts on a disk that this host lacks.

    MLflow's client would make that folder here, and nobody would find the files.
    """
    if not uri.startswith(("http://", "https://")) or urlsplit(uri).hostname in LOOPBACK:
        return
    place = file_path(client.get_run(run).info.artifact_uri)
    if place is None:
        return
    of_experiment = place.parents[1]
    # a store's folder has one for each experiment in it, by its number: the first artifact may be still to come
    shared = place.parents[: 3 if of_experiment.name.isdigit() else 2]
    if any(folder.is_dir() for folder in shared):
        return
    raise StoreProblem(
        f"it keeps them in its own folder {of_experiment}, which this host does not have; start the server with "
        "--artifacts-destination, so that it takes them itself"
    )
