"""The door of the Ray that a search starts, and the token that this process sends to others."""

import os
import subprocess
import sys

import pytest
import ray

from search.cluster import connection, ray_internals
from search.cluster.auth import known_token, session_token
from trainers.errors import EnvironmentProblem


@pytest.fixture
def nothing_set(monkeypatch, tmp_path):
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(ray_internals, "read_token_anew", lambda: None)  # a Ray of other tests may run in this process
    return tmp_path


def test_the_token_is_found_where_ray_looks_for_it(nothing_set, monkeypatch):
    assert known_token() is None
    (nothing_set / ".ray").mkdir()
    (nothing_set / ".ray" / "auth_token").write_text("of the home\n")
    assert known_token() == "of the home"
    (nothing_set / "file").write_text("of a file\n")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(nothing_set / "file"))
    assert known_token() == "of a file"
    monkeypatch.setenv("RAY_AUTH_TOKEN", "of the environment")
    assert known_token() == "of the environment"


def test_each_session_has_a_token_of_its_own_and_leaves_none(nothing_set):
    seen = []
    for _ in range(2):
        with session_token():
            seen.append(os.environ["RAY_AUTH_TOKEN"])
            os.environ["RAY_AUTH_MODE"] = "token"  # as `ray.init` does
        assert not {"RAY_AUTH_TOKEN", "RAY_AUTH_MODE"} & os.environ.keys()
    assert len(set(seen)) == 2
    assert min(map(len, seen)) == 64
    assert not (nothing_set / ".ray").exists()


def test_what_the_user_has_set_stays(nothing_set, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(nothing_set / "file"))
    with session_token():
        assert "RAY_AUTH_TOKEN" not in os.environ
    monkeypatch.setenv("RAY_AUTH_TOKEN", "mine")
    with session_token():
        assert os.environ["RAY_AUTH_TOKEN"] == "mine"


OPENS = "import sys; from search.cluster import connection; print(connection._opens(sys.argv[1], sys.argv[1]))"


@pytest.mark.slow
def test_a_ray_of_our_own_listens_on_the_loopback_address_and_asks_for_its_token(shared_ray, environment, tmp_path):
    address = ray.get_runtime_context().gcs_address
    assert address.startswith("127.0.0.1:")
    assert ray.nodes()[0]["NodeManagerAddress"] == "127.0.0.1"
    assert ray.get(ray.remote(lambda: os.environ["RAY_AUTH_MODE"]).remote()) == "token"
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": os.environ["RAY_AUTH_TOKEN"]}
    for sent, opens in ((token, "True"), (token | {"RAY_AUTH_TOKEN": "0" * 64}, "False"), ({}, "False")):
        asked = [sys.executable, "-c", OPENS, address]
        told = subprocess.run(asked, env=environment(HOME=str(tmp_path), **sent), capture_output=True, text=True)
        assert (told.stdout.strip(), told.stderr) == (opens, "")


@pytest.mark.parametrize(
    ("token", "words"), [("wrong", "refuses the token that is set here"), (None, "wants a token, and none is set here")]
)
def test_a_cluster_that_refuses_us_is_told_before_ray_is_asked(token, words, nothing_set, monkeypatch):
    if token is not None:
        monkeypatch.setenv("RAY_AUTH_TOKEN", token)
    monkeypatch.setattr(connection, "check_reachable", lambda address: None)
    monkeypatch.setattr(connection, "_opens", lambda address, at: False)
    with pytest.raises(EnvironmentProblem, match=words), connection.token_as_asked("10.0.0.1:6379"):
        pass


def test_auto_without_any_ray_is_one_line(nothing_set, monkeypatch):
    def finds_none(address):
        raise ConnectionError("Could not find any running Ray instance. Please specify the one to connect to.")

    monkeypatch.setattr(ray_internals, "head_of", finds_none)
    said = r"--address auto: no Ray cluster there .*`ray start --head`"
    with pytest.raises(EnvironmentProblem, match=said), connection.token_as_asked("auto"):
        pass


def test_a_cluster_that_asks_for_no_token_is_sent_none(nothing_set, monkeypatch):
    """A driver that sends one would hang there: it takes no call without one itself."""
    monkeypatch.setenv("RAY_AUTH_TOKEN", "of another cluster")
    asked = []
    monkeypatch.setattr(connection, "check_reachable", lambda address: None)
    monkeypatch.setattr(connection, "_opens", lambda address, at: asked.append(os.environ["RAY_AUTH_MODE"]) or True)
    with connection.token_as_asked("10.0.0.1:6379"):
        assert os.environ["RAY_AUTH_MODE"] == "disabled"
    assert asked == ["disabled"]
    assert "RAY_AUTH_MODE" not in os.environ
