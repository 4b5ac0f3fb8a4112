"""A Ray of our own starts and ends with its block; an address that leads to no cluster is one line within seconds."""

import socket
import subprocess
import sys
import time

import pytest
import ray

from search.cluster.connection import check_reachable, connected
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
    assert ray.is_initialized()


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
