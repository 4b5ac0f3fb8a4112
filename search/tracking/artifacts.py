"""Store files as artifacts of a run in MLflow. The run says where they belong: perhaps out of this host's reach."""

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
    """Store the file `path` among a run's artifacts, in the subfolder `folder` unless that is None.

    Raises StoreProblem if this host cannot reach the artifacts, and whatever error the store raises.
    """
    _store(client, uri, run, lambda: client.log_artifact(run, str(path), folder))


def log_values(client: "MlflowClient", uri: str, run: str, values: dict[str, object], name: str) -> None:
    """Store `values` among a run's artifacts as the file `name`, whose ending chooses JSON or YAML.

    Raises the same errors as `log_file`.
    """
    _store(client, uri, run, lambda: client.log_dict(run, values, name))


def _store(client: "MlflowClient", uri: str, run: str, call: Callable[[], Answer]) -> Answer:
    refuse_a_place_of_the_servers(client, uri, run)
    return call()


def refuse_a_place_of_the_servers(client: "MlflowClient", uri: str, run: str) -> None:
    """Raise StoreProblem if a server on another host keeps its artifacts on a disk that this host does not have.

    MLflow's client would create the server's folder on this host, and nobody would find the files.
    """
    if not uri.startswith(("http://", "https://")) or urlsplit(uri).hostname in LOOPBACK:
        return
    place = file_path(client.get_run(run).info.artifact_uri)
    if place is None:
        return
    of_experiment = place.parents[1]
    # a server's folder has a numbered folder for each experiment, which is created with the first artifact
    shared = place.parents[: 3 if of_experiment.name.isdigit() else 2]
    if any(folder.is_dir() for folder in shared):
        return
    raise StoreProblem(
        f"it keeps them in its own folder {of_experiment}, which this host does not have; start the server with "
        "--artifacts-destination, so that it receives the files itself"
    )
