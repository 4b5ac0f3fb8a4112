"""Upload a report's files to the search's run in MLflow. A failure never stops the report."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from search.storage.addresses import sqlite_path
from search.storage.search_folder import SearchFolder
from search.tracking.artifacts import log_file
from search.tracking.client import connect, tracking_uri
from search.tracking.delivered import parent_run, standing_parent_run
from search.tracking.troubles import in_one_line


def log_report(folder: SearchFolder, pictures: Sequence[Path] = ()) -> str | None:
    """Upload the page, leaderboard, contact sheet, tables and pictures to the search's run.

    Nothing is uploaded if the store that the search delivers to now does not have this run: nothing was delivered yet,
    or the search's folder was copied to another results folder.

    Args:
        folder: the search.
        pictures: the figures that were written as pictures.

    Returns:
        A line that says why the upload failed, or a remark about the store; None if there is nothing to say.
    """
    uri = tracking_uri(folder.spec(), folder.root)
    database, is_known = sqlite_path(uri), parent_run(folder, uri) is not None
    if database is None and not is_known:
        return None
    if database is not None and not database.exists():  # the client would create an empty one
        return f"the report was not uploaded to MLflow: {database} is gone" if is_known else None
    remarks: list[str] = []
    try:
        client = connect(uri, remarks.append)
        run = standing_parent_run(folder, uri, client)
        if run is None:
            return None
        for path in (folder.report, folder.leaderboard, folder.contact_sheet):
            if path.exists():
                log_file(client, uri, run, path)
        with TemporaryDirectory() as written:
            for path in folder.frames().write(Path(written), "csv"):
                log_file(client, uri, run, path, folder.tables.name)
        for path in pictures:
            log_file(client, uri, run, path, folder.figures.name)
    except Exception as error:  # MLflow raises whatever its store raises
        return f"the report was not uploaded to MLflow ({in_one_line(error)}); `{folder.hint('report')}` sends it again"
    return remarks[0] if remarks else None
