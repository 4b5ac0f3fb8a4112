"""Results that were moved or copied, or whose name has signs in it: artifacts lie beside the store.

Of search.tracking.moved_store, through the words that deliver and serve.
"""

import os
import shutil
import sqlite3
import subprocess
import urllib.request
from pathlib import Path

import outages
import pytest
from lazy import Lazy
from refusing import measured

from search.storage.search_folder import SearchFolder
from search.tracking import outbox, ui
from search.tracking.client import connect, tracking_uri
from search.tracking.report_upload import log_report

pytestmark = pytest.mark.slow
mlflow = Lazy("mlflow")

TABLES = {f"{name}.csv" for name in ("trials", "epochs", "decisions", "classes", "confusions")}


@pytest.fixture
def delivered(tmp_path) -> Path:
    """A results folder with one search that was delivered to its own store."""
    root = tmp_path / "first"
    outbox.sync(measured(root, "moved", ["a", "b"], trials=1))
    return root


def paths(root: Path) -> set[str]:
    """What lies under a folder's artifacts."""
    return {path.name for path in (root / "mlartifacts").rglob("*") if path.is_file()}


def reported(root: Path) -> SearchFolder:
    """The search in a results folder, with a page and a table to upload."""
    folder = SearchFolder(root / "moved")
    folder.report.write_text("a page")
    folder.leaderboard.write_text("a table")
    return folder


def artifacts_in_mlflow(root: Path) -> dict[str, str]:
    """The artifacts of the search's run as MLflow reads them, by name."""
    client = connect(tracking_uri(None, root))
    (experiment,) = [one for one in client.search_experiments() if one.name == "afcl"]
    (run,) = client.search_runs([experiment.experiment_id], "tags.`afcl.trial` = 'search'")
    found = Path(client.download_artifacts(run.info.run_id, ""))
    return {path.name: path.read_text() if path.is_file() else "" for path in found.iterdir()}


@pytest.mark.parametrize("how", [shutil.copytree, shutil.move])
def test_artifacts_of_results_that_were_moved_or_copied_go_to_the_new_place_and_are_read_there(
    delivered, tmp_path, how
):
    there = tmp_path / "what?" / "100% second"
    there.parent.mkdir()
    how(delivered, there)
    remark = log_report(reported(there))
    assert f"was moved or copied: its artifacts are now in {there / 'mlartifacts'}" in remark
    assert log_report(reported(there)) is None, "said once"
    assert paths(there) == {"spec.yaml", "index.html", "leaderboard.csv", *TABLES}
    assert delivered.exists() == (how is shutil.copytree)
    assert not delivered.exists() or paths(delivered) == {"spec.yaml"}
    assert artifacts_in_mlflow(there).keys() == {"spec.yaml", "index.html", "leaderboard.csv", "tables"}
    assert outbox.sync(SearchFolder(there / "moved"))[1:] == ([], [])
    if delivered.exists():
        assert outbox.sync(SearchFolder(delivered / "moved")) == (0, [], [])
        assert paths(delivered) == {"spec.yaml"}


def test_a_database_that_was_copied_alone_says_what_it_lacks(delivered, tmp_path):
    there = tmp_path / "second"
    there.mkdir()
    shutil.copy(delivered / "mlflow.db", there)
    told = []
    connect(tracking_uri(None, there), told.append)
    (line,) = told
    assert f"new ones go to {there / 'mlartifacts'}; copy there what is in {delivered / 'mlartifacts'}" in line


def test_results_by_another_path_to_the_same_folder_are_where_they_were(delivered, tmp_path):
    (tmp_path / "link").symlink_to(delivered)
    told = []
    connect(tracking_uri(None, tmp_path / "link"), told.append)
    assert told == []


def test_experiments_that_others_made_keep_their_artifacts_where_they_are(delivered, tmp_path):
    client = mlflow.MlflowClient(tracking_uri(None, delivered))
    client.create_experiment("theirs", artifact_location=(tmp_path / "theirs" / "mlartifacts").as_uri())
    there = tmp_path / "second"
    shutil.copytree(delivered, there)
    moved = connect(tracking_uri(None, there))
    assert moved.get_experiment_by_name("theirs").artifact_location == (tmp_path / "theirs" / "mlartifacts").as_uri()


def test_every_address_of_an_artifact_in_the_database_is_of_the_new_place(delivered, tmp_path):
    """Models too: no column of MLflow's may be forgotten."""
    old = mlflow.MlflowClient(tracking_uri(None, delivered))
    (run,) = old.search_runs(["1"], "tags.`afcl.trial` = 'search'")
    old.create_logged_model("1", name="winner", source_run_id=run.info.run_id)
    old.create_registered_model("m")
    old.create_model_version("m", f"{run.info.artifact_uri}/model", run.info.run_id)
    there = tmp_path / "second"
    shutil.copytree(delivered, there)
    connect(tracking_uri(None, there))
    with sqlite3.connect(there / "mlflow.db") as database:
        dump = "\n".join(database.iterdump())
    database.close()
    assert str(there / "mlartifacts") in dump
    assert str(delivered) not in dump


@pytest.mark.parametrize("name", ["100% mine #1 (näher)", "a'b;c", "what?", "my%20runs", "me@home"])
def test_results_in_a_folder_of_any_name_are_delivered_and_served_from_there(tmp_path, typed, name):
    root = tmp_path / name
    measured(root, "any", ["a"], trials=1)
    told = typed("sync", "any", results=root)
    assert told.returncode == 0, told.stderr
    assert (root / "mlflow.db").stat().st_size > 0
    assert paths(root) == {"spec.yaml"}
    assert [path.name for path in tmp_path.iterdir()] == [name], "no other folder was made"


def test_the_ui_serves_a_moved_store_from_a_folder_with_signs_in_its_name(delivered, tmp_path, monkeypatch):
    there = tmp_path / "my%20runs?"
    shutil.move(delivered, there)
    port, told, popen = outages.free_port(), [], subprocess.Popen

    def start(*words, **more):
        server = popen(*words, **more)
        told.append(server)
        return server

    def say(line):
        told.append(line)
        if line.startswith("Ctrl-C"):
            client = mlflow.MlflowClient(f"http://127.0.0.1:{port}")
            (run,) = client.search_runs(["1"], "tags.`afcl.trial` = 'search'")
            told.append([one.path for one in client.list_artifacts(run.info.run_id)])
            ask = f"http://127.0.0.1:{port}/get-artifact?path=spec.yaml&run_uuid={run.info.run_id}"
            with urllib.request.urlopen(ask, timeout=60) as answer:
                told.append(answer.read())
            raise KeyboardInterrupt

    monkeypatch.setattr(ui.subprocess, "Popen", start)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
    for name in [name for name in os.environ if name == "MLFLOW_TRACKING_URI"]:
        monkeypatch.delenv(name)
    assert ui.serve(there, port, say) == 0
    assert any("was moved or copied" in line for line in told if isinstance(line, str))
    assert told[-2] == ["spec.yaml"]
    assert b"dataset: digits" in told[-1] or b'"dataset"' in told[-1]
    assert [path.name for path in tmp_path.iterdir()] == [there.name]
