"""Where a Ray of our own keeps its sockets, whose names the kernel takes up to 107 bytes."""

import subprocess
import sys

import pytest

from search.cluster.own_ray import ray_folder


@pytest.fixture(autouse=True)
def _no_folder_of_rays_own(monkeypatch):
    monkeypatch.delenv("RAY_TMPDIR", raising=False)


def test_sockets_stand_in_tmpdir_as_ray_has_it(monkeypatch):
    monkeypatch.setenv("TMPDIR", "/scratch/me")
    assert str(ray_folder()) == "/scratch/me/ray"


@pytest.mark.parametrize("name", ["x" * 60, "é" * 30])
def test_a_long_tmpdir_leaves_the_sockets_to_tmp(monkeypatch, name):
    monkeypatch.setenv("TMPDIR", f"/{name}")
    assert str(ray_folder()) == "/tmp/ray"


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
