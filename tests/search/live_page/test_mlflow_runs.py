"""search.live_page.mlflow_runs: which server shows a trial's run."""

import sqlite3

import outages
import pytest

from search.live_page.mlflow_runs import MlflowRuns
from search.storage.search_folder import SearchFolder
from search.tracking import outbox
from search.tracking.delivered import Delivered, write_delivered

ADDRESS = "http://127.0.0.1:5000"


@pytest.fixture
def folder(told) -> SearchFolder:
    return SearchFolder(told / "told")


def delivered(folder, uri):
    write_delivered(folder, Delivered(uri, 1, "above", {0: "a1", 2: "b2"}))
    return folder


def test_runs_in_the_served_store_are_shown_there_while_it_answers(folder):
    runs, uri = MlflowRuns(), f"sqlite:///{folder.root}/mlflow.db"
    assert runs.of(delivered(folder, uri)) == {}
    before = runs.version
    runs.serve(uri, ADDRESS)
    found = runs.of(folder)
    assert found.keys() == {0, 2}
    assert found[0].startswith(f"{ADDRESS}/#/runs/a1?")
    assert runs.version != before
    runs.serve(uri, None)
    assert runs.of(folder) == {}


def test_runs_at_a_server_of_the_searchs_own_are_shown_there_without_a_password(folder):
    runs = MlflowRuns()
    runs.serve(f"sqlite:///{folder.root}/mlflow.db", ADDRESS)
    found = runs.of(delivered(folder, "https://me:swordfish@mlflow.example/base/"))
    assert found[2].startswith("https://mlflow.example/base/#/runs/b2?")


def test_a_database_that_was_moved_with_the_results_shows_its_runs(folder, tmp_path):
    database = folder.root / "mlflow.db"
    runs = MlflowRuns()
    runs.serve(f"sqlite:///{database}", ADDRESS)
    delivered(folder, "sqlite:////elsewhere/mlflow.db")
    assert runs.of(folder) == {}, "there is no database"
    connection = sqlite3.connect(database)
    connection.execute("create table runs (run_uuid text)")
    connection.commit()
    assert runs.of(folder) == {}, "it has other runs"
    connection.execute("insert into runs values ('above')")
    connection.commit()
    connection.close()
    assert runs.of(folder).keys() == {0, 2}


@pytest.mark.parametrize("content", ["nonsense", "[]", "{}", '{"uri": 7}'])
def test_what_cannot_be_read_of_the_delivery_is_no_link_and_no_error(folder, content):
    folder.delivered.write_text(content)
    runs = MlflowRuns()
    runs.serve("sqlite:///x.db", ADDRESS)
    assert runs.of(folder) == {}


@pytest.mark.slow  # a real MLflow server
def test_of_a_copy_without_that_note_the_searchs_own_server_is_asked(folder, tmp_path, monkeypatch):
    server = outages.Server(tmp_path / "server", locked=False)
    server.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    try:
        outbox.sync(folder, lambda text: None)
        noted = MlflowRuns(are_copies=True).of(folder)
        folder.delivered.unlink()
        assert MlflowRuns().of(folder) == {}
        runs = MlflowRuns(are_copies=True)
        assert runs.of(folder) == noted
        assert noted[0].startswith(f"{server.uri}/#/runs/")
    finally:
        server.stop()
    assert runs.of(folder) == noted, "it is not asked at every look"
    assert MlflowRuns(are_copies=True).of(folder) == {}, "nothing answers"
