"""Repair the artifact addresses of an sqlite store whose file was moved or copied.

MLflow's database holds absolute addresses of artifacts. We keep artifacts in a folder beside the database. After a
move, the addresses are changed to this folder's new path. Otherwise a copy of the database would write into the
artifacts of the original.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from search.storage.addresses import file_path, file_uri, sqlite_path

ARTIFACTS = "mlartifacts"  # the folder beside the database, for the artifacts of experiments that we create
# MLflow's UI has a side for model training and one for language models; only experiments of ours have this tag
KIND, MODEL_TRAINING = "mlflow.experimentKind", "custom_model_development"
PLACES = (  # where MLflow 3.17 keeps addresses of artifacts
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
OURS = """select distinct artifact_location from experiments join experiment_tags using (experiment_id)
    where key = ? and value = ? and artifact_location like 'file:%'"""


def follow(uri: str) -> str | None:
    """Make the artifact addresses of our experiments in a store point to the folder beside its database.

    Returns:
        A sentence that says what was changed, or why it could not be; None if nothing had to be changed.
    """
    database = sqlite_path(uri)
    if database is None or not database.is_file():
        return None
    here = database.absolute().parent / ARTIFACTS
    with closing(sqlite3.connect(database, timeout=20.0)) as connection:
        elsewhere = [old for old in _our_places(connection) if not _is_same(old, here)]
        if not elsewhere:
            return None
        before = [str(file_path(old)) for old in elsewhere]
        try:
            with connection:  # one transaction
                for old in elsewhere:
                    for table, column in PLACES:
                        _change(connection, table, column, old, file_uri(here))
        except sqlite3.OperationalError as error:
            return f"{database} was moved or copied, and still has its artifacts in {' and '.join(before)} ({error})"
    if here.is_dir():
        return f"{database} was moved or copied: its artifacts are now in {here}, no longer in {' or '.join(before)}"
    return (
        f"{database} was moved or copied without its artifacts: new ones go to {here}; copy there what is in "
        f"{' and '.join(before)}"
    )


def _our_places(connection: sqlite3.Connection) -> list[str]:
    """The artifact addresses of our experiments that are folders named `ARTIFACTS`. Empty for a file without tables."""
    try:
        rows = connection.execute(OURS, (KIND, MODEL_TRAINING)).fetchall()
    except sqlite3.DatabaseError:  # MLflow will report the fault when it opens the file
        return []
    return [place for (place,) in rows if (path := file_path(place)) is not None and path.name == ARTIFACTS]


def _is_same(place: str, here: Path) -> bool:
    there = file_path(place)
    assert there is not None, "_our_places has read it"
    if there == here:
        return True
    # compare the parent folders, as the artifact folder does not exist before the first artifact
    return there.parent.is_dir() and there.parent.samefile(here.parent)


def _change(connection: sqlite3.Connection, table: str, column: str, old: str, new: str) -> None:
    columns = [row[1] for row in connection.execute(f"pragma table_info({table})")]
    if column in columns:  # other versions of MLflow have other columns
        below = f"{old}/"
        words = ["update", table, "set", column, "= ? || substr(", column, ", ?) where"]  # names from PLACES
        words += [column, "= ? or substr(", column, ", 1, ?) = ?"]
        connection.execute(" ".join(words), (new, len(old) + 1, old, len(below), below))
