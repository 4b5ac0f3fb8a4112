"""A Ray of our own starts and ends with its block; an address that leads to no cluster is one line within seconds."""

import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import ray

from search.cluster import connection, ray_internals
from search.cluster.connection import check_reachable, connected, is_own, joined_by_user
from trainers.compute import devices
from trainers.errors import EnvironmentProblem, InputError


@pytest.mark.slow
def test_ray_starts_where_tmpdir_has_a_long_name(tmp_path, environment):
    long = tmp_path / ("x" * 60)
    long.mkdir()
    code = "import ray; from search.cluster.connection import connected\n"
    code += "with connected(None, cpus=1): print(ray.cluster_resources())"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(TMPDIR=str(long)), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "'CPU': 1.0" in done.stdout


@pytest.mark.slow
def test_a_ray_that_is_connected_already_is_used_and_stays(shared_ray):
    before = ray.get_runtime_context().get_node_id()
    with connected(None):
        assert ray.get_runtime_context().get_node_id() == before
        assert is_own()
    assert ray.is_initialized()


@pytest.fixture
def users_ray(monkeypatch):
    """A Ray that somebody else has connected this process to, as far as we can tell."""
    monkeypatch.setattr(connection, "_open", None)
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "get_runtime_context", lambda: SimpleNamespace(gcs_address="127.0.0.9:6379"))
    monkeypatch.setattr(ray_internals, "head_of", lambda address: address)


@pytest.mark.parametrize("address", [None, "auto", "127.0.0.9:6379", "127.0.0.9"])
def test_a_ray_that_a_user_has_joined_is_used_and_is_not_our_own(users_ray, address):
    assert joined_by_user() == "127.0.0.9:6379"
    with connected(address):
        assert not is_own()
        assert joined_by_user() is None, "it is said once"
        with connected(address):
            assert not is_own()
    assert joined_by_user() == "127.0.0.9:6379"


@pytest.mark.parametrize("address", ["127.0.0.9:6380", "127.0.0.8:6379"])
def test_another_ray_than_the_one_that_is_joined_is_refused_with_both_ways_out(users_ray, address):
    said = f"^--address {address}: this process is connected to the Ray at 127.0.0.9:6379 already; leave the address"
    with pytest.raises(InputError, match=said), connected(address):
        pass
    with pytest.raises(InputError, match="is a dashboard"), connected("http://127.0.0.9:8265"):
        pass


USERS = """
import sys
from pathlib import Path
import ray, search
from search.engine import preflight

asked, real = [], preflight.check_nodes
preflight.check_nodes = lambda place, code, parts: asked.append(place.uri) or real(place, code, parts)
ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
few = ["search.baselines=[CL]", "representation.epochs=1", "representation.warmup_epochs=0"]
found = search.run("digits", few, trials=0, name="inside", results=Path(sys.argv[1]))
assert found.reason == "done", found.reason
assert asked == [sys.argv[1]], "the nodes are asked, as those of a cluster are"
assert ray.is_initialized(), "it stays"
try:
    search.extend("inside", 1, address="127.0.0.9:1", results=Path(sys.argv[1]))
except search.InputError as refused:
    print(refused)
"""


@pytest.mark.slow
def test_a_search_inside_a_users_own_ray_init_makes_the_checks_of_a_cluster(tmp_path, environment):
    command = [sys.executable, "-c", USERS, str(tmp_path / "results")]
    done = subprocess.run(command, env=environment(), cwd=tmp_path, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    assert "using the Ray that this process is connected to, at " in done.stdout
    assert "starting Ray" not in done.stdout
    assert "--address 127.0.0.9:1: this process is connected to the Ray at " in done.stdout


@pytest.mark.parametrize("address", ["", "head:99999", "head:port", "http://head:8265", "https://head"])
def test_what_is_no_address_of_a_cluster_is_refused_in_one_line(address):
    with pytest.raises(InputError, match=r"^--address: .*HOST:PORT is wanted"):
        check_reachable(address)


def test_a_port_where_nobody_listens_is_told_within_seconds():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        check_reachable(f"127.0.0.1:{port}")
    started = time.monotonic()
    with pytest.raises(EnvironmentProblem, match=f"--address 127.0.0.1:{port}: nothing answers there"):
        check_reachable(f"127.0.0.1:{port}")
    assert time.monotonic() - started < 10


def test_auto_is_left_to_ray():
    check_reachable("auto")


@pytest.mark.parametrize(
    ("system", "mps", "told"), [("linux", True, None), ("darwin", False, None), ("darwin", True, 1)]
)
def test_a_ray_of_our_own_is_told_of_apples_gpu_which_it_does_not_see(system, mps, told, monkeypatch):
    monkeypatch.setattr(connection.sys, "platform", system)
    monkeypatch.setattr(devices, "has_mps", lambda: mps)
    assert connection._apples_gpu() == told


def test_a_ray_that_starts_too_slowly_is_one_line_and_a_mistake_of_ours_is_none(monkeypatch):
    said = "The current node timed out during startup. This could happen because some of the raylet failed."

    def fail(**given):
        raise error

    monkeypatch.setattr(connection.ray, "init", fail)
    error = Exception(said)  # as Ray raises it
    with pytest.raises(EnvironmentProblem, match=r"Ray did not start here .The current node timed out during startup"):
        connection._start(1, 0)
    error = TypeError("a mistake")
    with pytest.raises(TypeError):
        connection._start(1, 0)
