"""The MLflow that docker/compose.yaml starts, without its containers: PostgreSQL, S3 and basic-auth for real."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from importlib.util import find_spec
from pathlib import Path

import pytest
import servers

PASSWORD, DATABASE_PASSWORD = "not %the @default/one", "an:other %one@of/its own"

if (lacking := [name for name in ("boto3", "moto", "psycopg2") if find_spec(name) is None]) != []:
    pytest.skip(f"not installed: {', '.join(lacking)} (make cluster-test)", allow_module_level=True)
if servers.postgres_binaries() is None:
    pytest.skip("PostgreSQL is not installed (make cluster-test)", allow_module_level=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with servers.s3(tmp_path_factory.mktemp("s3") / "s3", "a key", "a secret") as variables:
        yield variables


@pytest.fixture(scope="module")
def server(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("servers")
    folder.chmod(0o755)  # for the user that PostgreSQL runs as
    for above in folder.parents[:2]:
        above.chmod(0o755)
    with (
        servers.postgres(folder / "postgres", DATABASE_PASSWORD) as database,
        servers.mlflow(folder / "mlflow", database, store, PASSWORD) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def afcl(server, tmp_path_factory):
    """Run the command line as a user would who knows the server's address and password, and no key of its store."""
    folder = tmp_path_factory.mktemp("work")

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).with_name("afcl")), *words],
            cwd=folder,
            env=servers.bare(**(server.client | environment)),
            capture_output=True,
            text=True,
            timeout=500,
        )

    run.folder = folder
    return run


@pytest.fixture(scope="module")
def searched(afcl) -> Path:
    """The folder of a digits search that was logged to the server, and reported there."""
    done = afcl("search", "digits", "--set", "search.trials=3", "--json")
    assert done.returncode == 0, done.stderr
    synced = afcl("sync", "digits")  # on a busy machine the search ends before all is delivered
    assert synced.returncode == 0, synced.stderr
    reported = afcl("report", "digits")
    assert reported.returncode == 0, reported.stderr
    return afcl.folder / "results" / "digits"


@pytest.fixture
def client(server, monkeypatch):
    from mlflow import MlflowClient

    for name, value in server.client.items():
        monkeypatch.setenv(name, value)
    return MlflowClient(server.uri)


def runs_of(client, folder: Path):
    about = json.loads((folder / "search.json").read_text())
    (experiment,) = [found for found in client.search_experiments() if found.name == "afcl"]
    return client.search_runs([experiment.experiment_id], f"tags.`afcl.search_id` = '{about['id']}'", max_results=100)


def answer_to(url: str, name: str | None = None, password: str = "", *, origin: str | None = None) -> int:
    """The status; with an origin, of a change that a page of it asks for."""
    request = urllib.request.Request(url)
    if origin is not None:
        request = urllib.request.Request(url, b'{"max_results": 1}', {"Content-Type": "application/json"})
        request.add_header("Origin", origin)
    if name is not None:
        request.add_header("Authorization", "Basic " + b64encode(f"{name}:{password}".encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_nobody_is_let_in_without_the_password(server):
    experiments = f"{server.uri}/api/2.0/mlflow/experiments/search?max_results=1"
    assert answer_to(experiments) == 401
    assert answer_to(experiments, "admin", "password1234") == 401
    assert answer_to(experiments, "admin", PASSWORD) == 200
    assert answer_to(f"{server.uri}/health") == 200


def test_changes_are_taken_from_pages_of_the_proxy_and_of_nobody_else(server):
    experiments = f"{server.uri}/api/2.0/mlflow/experiments/search"
    assert answer_to(experiments, "admin", PASSWORD, origin=servers.PROXY) == 200
    assert answer_to(experiments, "admin", PASSWORD, origin="https://elsewhere.example.com") == 403


def test_the_server_refuses_to_start_without_an_administrators_password(server):
    words = [sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth", "--host", servers.HOST]
    words += ["--port", str(servers.free_port()), *server.store]
    without = {name: value for name, value in server.server.items() if name != "MLFLOW_AUTH_ADMIN_PASSWORD"}
    # a database of its own: where the administrator is known already no password is asked for
    empty = subprocess.run(
        [str(servers.postgres_binaries() / "createdb"), "empty"], env=without, capture_output=True, text=True
    )
    assert empty.returncode == 0, empty.stderr
    done = subprocess.run(words, env=without | {"PGDATABASE": "empty"}, capture_output=True, text=True, timeout=200)
    assert done.returncode != 0
    assert "MLFLOW_AUTH_ADMIN_PASSWORD" in done.stderr


def test_no_password_is_on_the_servers_command_line():
    words, _ = servers.as_composed()
    assert "@" not in " ".join(words)
    assert "password" not in " ".join(words)


def test_a_whole_search_is_logged_to_the_server(searched, client):
    history = {"finished": 0, "stopped": 0}
    runs = runs_of(client, searched)
    for run in runs:
        if run.data.tags["afcl.trial"] != "search":
            history[run.data.tags["state"]] += 1
    assert sum(history.values()) == 6  # three baselines, three proposals
    assert history["finished"] > 0
    parent = next(run for run in runs if run.data.tags["afcl.trial"] == "search")
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["best_score"] > 0


def test_the_server_has_all_that_the_journal_has(searched, client):
    from search.storage.search_folder import SearchFolder

    for trial in SearchFolder(searched).history().trials.values():
        (run,) = [run for run in runs_of(client, searched) if run.data.tags["afcl.trial"] == str(trial.number)]
        logged = client.get_metric_history(run.info.run_id, "val_balanced_accuracy")
        assert sorted(metric.step for metric in logged) == sorted(trial.epochs)


def test_the_reports_come_back_byte_for_byte(searched, client, store, tmp_path):
    parent = next(run for run in runs_of(client, searched) if run.data.tags["afcl.trial"] == "search")
    assert parent.info.artifact_uri.startswith(
        "mlflow-artifacts:"
    )  # through the server: a client has no key of the store
    assert not [name for name in os.environ if name.startswith("AWS_ACCESS")]
    fetched = Path(client.download_artifacts(parent.info.run_id, "", str(tmp_path)))
    names = {path.relative_to(fetched).as_posix() for path in fetched.rglob("*") if path.is_file()}
    assert any(name.endswith("index.html") for name in names), names
    compared = 0
    for name in names:
        mine = next(searched.rglob(Path(name).name), None)
        if mine is not None and Path(name).name != "spec.yaml":  # which MLflow writes from the values
            assert (fetched / name).read_bytes() == mine.read_bytes(), name
            compared += 1
    assert compared > 1
    assert len(list(servers.bucket(store).objects.all())) >= len(names)


def test_garbage_collection_leaves_the_kept_runs_whole(afcl, searched, server, client, store, tmp_path):
    other = afcl("search", "digits", "--name", "other", "--set", "search.trials=1", "--set", "search.baselines=[]")
    assert other.returncode == 0, other.stderr
    assert afcl("report", "other").returncode == 0
    doomed, kept = runs_of(client, searched.parent / "other"), runs_of(client, searched)
    before = {run.info.run_id: (run.data.to_dictionary(), _files(client, run, tmp_path / "before")) for run in kept}
    objects = {found.key for found in servers.bucket(store).objects.all()}
    for run in doomed:
        client.delete_run(run.info.run_id)

    words = [sys.executable, "-m", "mlflow", "gc", *server.store, "--tracking-uri", server.uri]
    done = subprocess.run(words, env=server.server | server.client, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr

    left = {found.key for found in servers.bucket(store).objects.all()}
    gone = {run.info.run_id for run in doomed}
    assert objects - left
    assert all(any(run in key for run in gone) for key in objects - left)
    assert not [key for key in left if any(run in key for run in gone)]
    assert not runs_of(client, searched.parent / "other")
    again = runs_of(client, searched)
    after = {run.info.run_id: (run.data.to_dictionary(), _files(client, run, tmp_path / "after")) for run in again}
    assert after == before


def _files(client, run, folder: Path) -> dict[str, bytes]:
    place = folder / run.info.run_id
    place.mkdir(parents=True)
    fetched = Path(client.download_artifacts(run.info.run_id, "", str(place)))
    return {path.relative_to(fetched).as_posix(): path.read_bytes() for path in fetched.rglob("*") if path.is_file()}
