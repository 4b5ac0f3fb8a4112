"""The state of a search's delivery to MLflow, in `delivered.json` beside the journal."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from search.journal.log import read_events
from search.storage.addresses import sqlite_path
from search.storage.redact import shown_uri
from search.storage.search_folder import SPEC, SearchFolder
from trainers.files import write_atomically

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass
class Delivered:
    """What an MLflow store has: the journal up to byte `offset`, and the runs of the search and its trials."""

    uri: str  # without passwords, as this file is in a folder that is shared and copied
    offset: int = 0  # how many bytes of the journal are delivered
    parent: str | None = None  # the id of the search's run
    runs: dict[int, str] = field(default_factory=dict)  # the ids of the trials' runs, by trial
    artifacts: list[str] = field(default_factory=list)  # names of the artifacts that the parent run has
    is_partial: bool = False  # MLflow refused something, so everything should be delivered again


def read_delivered(folder: SearchFolder) -> Delivered:
    """Read the state of the delivery; an empty state if nothing was delivered yet."""
    try:
        stored = json.loads(folder.delivered.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Delivered("")
    parent = stored["parent"]
    return Delivered(
        shown_uri(stored["uri"]),
        stored["offset"],
        parent,
        {int(number): run for number, run in stored["runs"].items()},
        stored.get("artifacts", [] if parent is None else [SPEC]),  # older versions stored the spec with the run
        stored.get("is_partial", False),
    )


def write_delivered(folder: SearchFolder, done: Delivered) -> None:
    """Write the state of the delivery."""
    write_atomically(folder.delivered, json.dumps(vars(done)).encode())


def undelivered(folder: SearchFolder) -> int:
    """How many events of the journal MLflow lacks."""
    return sum(1 for _ in read_events(folder.journal, read_delivered(folder).offset))


def parent_run(folder: SearchFolder, uri: str) -> str | None:
    """The id of the search's run in the store `uri`; None if this is not the store that was delivered to last."""
    done = read_delivered(folder)
    return done.parent if done.uri == shown_uri(uri) else None


def standing_parent_run(folder: SearchFolder, uri: str, client: "MlflowClient") -> str | None:
    """The id of the search's run in the store `uri`, even if this sqlite file was moved or copied with the folder.

    None if the store does not have the run.
    """
    run, before = parent_run(folder, uri), read_delivered(folder).parent
    if run is not None or before is None or sqlite_path(uri) is None:
        return run
    ours = f"tags.`afcl.search_id` = '{folder.about()['id']}' and tags.`afcl.trial` = 'search'"
    experiments = [one.experiment_id for one in client.search_experiments()]
    return before if before in {one.info.run_id for one in client.search_runs(experiments, ours)} else None
