"""Which MLflow store a search delivers to."""

import os

import pytest

from search.tracking.client import anchored_store, tracking_uri
from spaces.spec import load_spec
from trainers.errors import InputError


@pytest.fixture(autouse=True)
def _in_a_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    monkeypatch.chdir(tmp_path)


def begun(*overrides: str):
    spec = load_spec("digits", overrides)
    return spec.model_copy(
        update={"tracking": spec.tracking.model_copy(update={"uri": anchored_store(spec.tracking.uri)})}
    )


def test_a_relative_store_stays_where_the_search_was_begun(tmp_path, monkeypatch):
    spec = begun("tracking.uri='sqlite:///sub/runs.db?timeout=30'")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert tracking_uri(spec, elsewhere) == f"sqlite:///{tmp_path}/sub/runs.db?timeout=30"


def test_so_does_one_that_the_environment_names(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs.db")
    assert begun().tracking.uri == f"sqlite:///{tmp_path}/runs.db"


@pytest.mark.parametrize("uri", ["http://127.0.0.1:5000", "sqlite:////whole/path.db", "databricks"])
def test_one_that_is_the_same_from_everywhere_stays_with_the_environment(uri, monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert begun().tracking.uri is None
    assert tracking_uri(begun(), tmp_path) == uri


@pytest.mark.parametrize("uri", ["./mlruns", "mlruns", "file:mlruns", "/mlruns", "file:///mlruns"])
def test_a_plain_folder_is_refused_with_the_database_to_name_instead(uri, tmp_path):
    folder = "/mlruns" if uri.startswith(("/", "file:/")) else f"{tmp_path}/mlruns"
    with pytest.raises(InputError, match=f"tracking.uri: .*name a database: sqlite:///{folder}/mlflow.db$"):
        begun(f"tracking.uri='{uri}'")


def test_results_in_a_folder_with_an_at_sign_are_no_password(tmp_path):
    assert begun("tracking.uri='sqlite:////me@home/mlflow.db'").tracking.uri == "sqlite:////me@home/mlflow.db"
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_the_store_is_the_specs_then_the_environments_then_a_file_beside_the_searches(monkeypatch, tmp_path):
    own = load_spec("digits", ["tracking.uri=http://mine"])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://everybodys")
    assert tracking_uri(own, tmp_path) == "http://mine"
    assert tracking_uri(load_spec("digits"), tmp_path) == tracking_uri(None, tmp_path) == "http://everybodys"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking_uri(None, tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
