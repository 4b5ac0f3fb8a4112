"""What a report leaves, on the MLflow parent run as well: never in the way of whoever wrote it."""

from collections.abc import Sequence
from pathlib import Path

from search.storage.search_folder import SearchFolder
from search.tracking.client import connect, in_one_line, tracking_uri
from search.tracking.delivery import parent_run


def log_report(folder: SearchFolder, pictures: Sequence[Path] = ()) -> str | None:
    """Put page, leaderboard and pictures on the parent run; None, or in a line why MLflow took nothing.

    Only where the parent run is known to stand in the store that the search delivers to now: a search of which nothing
    was delivered, or one whose folder was copied elsewhere, has none.
    """
    uri = tracking_uri(folder.spec(), folder.root)
    run = parent_run(folder, uri)
    if run is None:
        return None
    database = uri.removeprefix("sqlite:///")
    if database != uri and not Path(database).exists():  # else the client would make an empty one
        return f"MLflow has not got the report: {database} is gone"
    try:
        client = connect(uri)
        for path in (folder.report, folder.leaderboard):
            client.log_artifact(run, str(path))
        for path in pictures:
            client.log_artifact(run, str(path), folder.figures.name)
    except Exception as error:  # MLflow raises whatever its store raises
        return f"MLflow has not got the report ({in_one_line(error)}); `{folder.hint('report')}` sends it again"
    return None
