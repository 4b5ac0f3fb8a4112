"""The report beside the runs in MLflow."""

import json
import socket

import pytest

from search.reporting.report import report
from search.storage.search_folder import SearchFolder
from search.tracking import client as mlflow_store
from search.tracking import outbox, report_upload


@pytest.mark.slow
def test_the_report_is_an_artifact_of_the_parent_run(told):
    folder = SearchFolder(told / "told")
    outbox.sync(folder)
    assert report("told", results=told).problem is None
    picture = told / "a.png"
    picture.touch()
    assert report_upload.log_report(folder, [picture]) is None
    from mlflow import MlflowClient

    delivered = json.loads(folder.delivered.read_text())
    client = MlflowClient(delivered["uri"])
    paths = {one.path for one in client.list_artifacts(delivered["parent"])}
    assert {"index.html", "leaderboard.csv", "figures", "tables"} <= paths
    tables = {one.path for one in client.list_artifacts(delivered["parent"], "tables")}
    assert {"tables/trials.csv", "tables/epochs.csv", "tables/decisions.csv"} <= tables
    assert [one.path for one in client.list_artifacts(delivered["parent"], "figures")] == ["figures/a.png"]


@pytest.mark.slow
def test_a_server_that_is_down_is_one_line_and_the_report_stands(told, typed):
    folder = SearchFolder(told / "told")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{probe.getsockname()[1]}"  # bound and not listening: it refuses
        folder.delivered.write_text(json.dumps({"uri": uri, "offset": 0, "parent": "run", "runs": {}}))
        ended = typed("report", "told", results=told, MLFLOW_TRACKING_URI=uri)
    assert ended.returncode == 0
    assert ended.stdout.split() == [str(folder.report)]
    (line,) = ended.stderr.splitlines()
    assert line.startswith("the report was not uploaded to MLflow (no server answers); `afcl report told")


def test_a_copied_search_writes_to_no_store_but_its_own(told):
    """Its runs stand in the store that the original delivered to."""
    folder = SearchFolder(told / "told")
    there = {"uri": "sqlite:////elsewhere/mlflow.db", "offset": 0, "parent": "run", "runs": {}}
    folder.delivered.write_text(json.dumps(there))
    assert report_upload.log_report(folder) is None


def test_a_store_that_is_gone_is_said_and_not_made_anew(told):
    folder = SearchFolder(told / "told")
    uri = mlflow_store.tracking_uri(folder.spec(), told)
    folder.delivered.write_text(json.dumps({"uri": uri, "offset": 0, "parent": "run", "runs": {}}))
    assert "mlflow.db is gone" in report_upload.log_report(folder)
    assert not (told / "mlflow.db").exists()
