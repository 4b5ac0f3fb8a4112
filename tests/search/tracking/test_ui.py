"""`afcl ui` over a store that does not answer, refuses us or breaks its server: a line, no password, no server left."""

import sqlite3
import subprocess

import outages
import pytest

from search.tracking import ui

SECRET = "swordfish"
pytestmark = pytest.mark.slow


@pytest.fixture
def started(monkeypatch) -> list[subprocess.Popen]:
    """The servers that were started."""
    servers, popen = [], subprocess.Popen

    def start(*words, **more):
        servers.append(popen(*words, **more))
        return servers[-1]

    monkeypatch.setattr(ui.subprocess, "Popen", start)
    return servers


def test_a_server_that_is_down_is_one_line_without_its_password(typed):
    told = typed("ui", MLFLOW_TRACKING_URI=f"http://me:{SECRET}@127.0.0.1:9")
    assert told.returncode == 3
    assert told.stderr == "afcl: tracking: MLflow at http://…@127.0.0.1:9 does not show its runs (no server answers)\n"
    assert told.stdout == ""


def test_a_server_that_refuses_us_is_one_line_without_its_password(typed, tmp_path):
    server = outages.Server(tmp_path / "server", locked=True)
    server.start()
    try:
        told = typed("ui", MLFLOW_TRACKING_URI=server.uri.replace("//", f"//admin:{SECRET}@"))
    finally:
        server.stop()
    assert told.returncode == 3
    assert told.stderr.endswith("does not show its runs (it answers 401, name or password are wrong)\n")
    assert SECRET not in told.stdout + told.stderr


def test_a_store_of_another_mlflow_is_said_and_no_server_is_left(typed, started, tmp_path):
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("create table alembic_version (version_num varchar(32))")
        database.execute("insert into alembic_version values ('of a later mlflow')")
    database.close()
    told = typed("ui", "--port", str(outages.free_port()), results=tmp_path)
    assert told.returncode == 3
    (line,) = told.stderr.splitlines()
    assert "does not show its runs (its database is of a newer MLflow than the " in line
    assert "of a later mlflow" in (tmp_path / "mlflow-ui.log").read_text()
    assert [server.poll() is None for server in started] == [False]


def test_no_server_is_left_when_its_runs_cannot_be_listed(typed, started, tmp_path, monkeypatch):
    def refuse(*given, **more):
        raise RuntimeError(f"API request to http://me:{SECRET}@db failed")

    (tmp_path / "mlflow.db").touch()
    monkeypatch.setattr(ui, "addresses", refuse)
    told = typed("ui", "--port", str(outages.free_port()), results=tmp_path)
    assert told.returncode == 3
    assert "does not show its runs (API request to http://…@db failed)" in told.stderr
    assert [server.poll() is None for server in started] == [False]


def test_a_server_that_ends_before_it_answers_is_told_whatever_its_code_is(typed, tmp_path, monkeypatch):
    """MLflow's is 0 where it cannot load the page."""
    (tmp_path / "mlflow.db").touch()
    monkeypatch.setattr(
        ui, "_started", lambda *given, **how: (tmp_path / "mlflow-ui.log").touch() or subprocess.Popen("true")
    )
    told = typed("ui", "--port", str(outages.free_port()), results=tmp_path)
    assert told.returncode == 3
    assert told.stderr.endswith(f"the MLflow server ended with code 0; {tmp_path / 'mlflow-ui.log'} says why\n")
