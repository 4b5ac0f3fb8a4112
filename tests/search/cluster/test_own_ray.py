"""What a machine lacks for a Ray of our own is told with its mend, by the search and by doctor alike."""

import os
import re
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from search.cluster import own_ray
from search.cluster.own_ray import check_machine, lacks, ray_folder
from search.engine.preflight import lack_of_folder
from trainers.errors import EnvironmentProblem


@pytest.fixture
def disk(tmp_path):
    """Mounts a small disk of its own; skips where that may not be done."""
    mounted = []
    mount = shutil.which("mount")

    def make(options: str) -> Path:
        if os.geteuid() != 0 or mount is None:
            pytest.skip("needs root and mount to make a small disk")
        path = tmp_path / f"disk{len(mounted)}"
        path.mkdir()
        if subprocess.run([mount, "-t", "tmpfs", "-o", options, "tmpfs", path], capture_output=True).returncode:
            pytest.skip("this machine mounts no tmpfs")
        mounted.append(path)
        return path

    yield make
    for path in mounted:
        subprocess.run(["umount", path], check=True)


def told() -> list[str]:
    return [f"{lack.what}; {lack.mend}" for lack in lacks()]


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ("size=1m", "where 1 MiB are free; free 50 MiB there, or set TMPDIR to another folder"),
        ("nr_inodes=20", "more files can be made (inodes); remove some files there, or set TMPDIR"),
        ("ro", "cannot be written to; set TMPDIR to another folder, with a short path"),
    ],
)
def test_a_folder_that_has_no_room_for_rays_files_is_told(options, what, disk, monkeypatch):
    folder = disk(options)
    monkeypatch.setattr(own_ray, "ray_folder", lambda: folder / "ray")
    assert any(what in line for line in told())
    with pytest.raises(EnvironmentProblem, match="Ray's sockets and logs go to"):
        check_machine()


def test_a_temporary_folder_of_too_long_a_name_is_not_used(monkeypatch):
    monkeypatch.setenv("TMPDIR", f"/tmp/{'x' * 100}")
    monkeypatch.setattr("tempfile.tempdir", None)
    assert len(os.fsencode(ray_folder() / own_ray.LONGEST_SOCKET_NAME)) <= own_ray.SOCKET_NAME_BYTES


def test_too_small_a_shared_memory_is_told_with_dockers_flag(disk, monkeypatch):
    monkeypatch.setattr(own_ray, "SHARED_MEMORY", disk("size=1m"))
    assert any("has 1 MiB free of the 80 that it needs" in line and "--shm-size=2g" in line for line in told())


def test_too_few_open_files_are_told_by_how_many_there_may_be(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 256))
    assert any("may open 256 files here, and Ray needs 512; run `ulimit -n 4096`" in line for line in told())
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 4096))
    assert not any("ulimit" in line for line in told()), "Ray allows itself as many as it may"


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ("size=1m", "the search may need 50 MB, but .* has 1 MB free; free some"),
        ("nr_inodes=20", r"may make 100 files, but .* takes \d+ more \(inodes\); remove some"),
        ("ro", "is on a read-only disk; have it mounted for writing"),
    ],
)
def test_a_results_folder_that_has_no_room_is_told(options, what, disk):
    assert re.search(what, lack_of_folder(disk(options) / "results"))


def test_results_of_a_name_that_is_no_text_are_refused_before_mlflow_meets_them(tmp_path):
    assert "is no text (UTF-8)" in lack_of_folder(tmp_path / os.fsdecode(b"caf\xe9"))


@pytest.mark.slow
def test_doctor_tells_what_a_search_would(typed, monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 256))
    done = typed("doctor")
    assert done.returncode == 3
    assert "NO  ray      a process may open 256 files here" in done.stdout


def test_sockets_stand_in_tmpdir_as_ray_has_it(monkeypatch):
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", "/scratch/me")
    assert str(ray_folder()) == "/scratch/me/ray"


@pytest.mark.parametrize("name", ["x" * 60, "é" * 30])
def test_a_long_tmpdir_leaves_the_sockets_to_tmp(monkeypatch, name):
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", f"/{name}")
    assert str(ray_folder()) == "/tmp/ray"
