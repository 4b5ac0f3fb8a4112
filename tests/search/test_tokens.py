"""The door of the Ray that a search starts, and the token that this process sends to others."""

import os

import pytest
import ray

from search import cluster
from search.tokens import known_token, session_token


@pytest.fixture
def nothing_set(monkeypatch, tmp_path):
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
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


@pytest.mark.slow
def test_a_ray_of_our_own_listens_on_the_loopback_address_and_asks_for_its_token(shared_ray):
    address = ray.get_runtime_context().gcs_address
    assert address.startswith("127.0.0.1:")
    assert ray.nodes()[0]["NodeManagerAddress"] == "127.0.0.1"
    assert ray.get(ray.remote(lambda: os.environ["RAY_AUTH_MODE"]).remote()) == "token"


def test_a_cluster_that_asks_for_no_token_is_sent_none(nothing_set, monkeypatch):
    """A driver that sends one would hang there: it takes no call without one itself."""
    monkeypatch.setenv("RAY_AUTH_TOKEN", "of another cluster")
    asked = []
    monkeypatch.setattr(cluster, "check_reachable", lambda address: None)
    monkeypatch.setattr(cluster, "_opens", lambda address, at: asked.append(os.environ["RAY_AUTH_MODE"]) or True)
    with cluster.token_as_asked("10.0.0.1:6379"):
        assert os.environ["RAY_AUTH_MODE"] == "disabled"
    assert asked == ["disabled"]
    assert "RAY_AUTH_MODE" not in os.environ
