"""MLflow's store: where it is, and what went wrong with it in one line."""

import pytest

from search.tracking.client import in_one_line, tracking_uri
from spaces.spec import load_spec

SECRET = "swordfish"
SERVER = f"http://me:{SECRET}@127.0.0.1:9"


def test_an_error_of_mlflows_is_told_without_the_password_in_it():
    assert SECRET not in in_one_line(RuntimeError(f"API request to {SERVER}/api failed"))


def test_the_store_is_the_specs_then_the_environments_then_a_file_beside_the_searches(monkeypatch, tmp_path):
    own = load_spec("digits", ["tracking.uri=http://mine"])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://everybodys")
    assert tracking_uri(own, tmp_path) == "http://mine"
    assert tracking_uri(load_spec("digits"), tmp_path) == tracking_uri(None, tmp_path) == "http://everybodys"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking_uri(None, tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        ("API request failed with error code 401 != 200", "it answers 401, name or password are wrong"),
        (
            "Max retries exceeded with url: / (Caused by ResponseError('too many 500 error responses'))",
            "it answers 500",
        ),
        ("HTTPConnectionPool: Max retries exceeded with url: /api", "no server answers"),
        ("Experiment 'a' is deleted.\nTraceback of the server", "Experiment 'a' is deleted."),
        ("", "RuntimeError"),
        ("x" * 500, "x" * 300),
    ],
)
def test_what_mlflow_raises_is_a_line_for_a_person(raised, said):
    assert in_one_line(RuntimeError(raised)) == said
