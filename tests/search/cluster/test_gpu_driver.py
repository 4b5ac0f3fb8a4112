"""A driver that is too old for PyTorch's CUDA is told before PyTorch finds no GPU. See search.cluster.gpu_driver."""

import subprocess

import pytest
import torch

from search.cluster import gpu_driver
from search.cluster.gpu_driver import old_driver, supported_cuda


@pytest.mark.parametrize(
    ("built_for", "supported"),
    [(None, 12020), ("13.0", None), ("13.0", 13000), ("13.2", 13000), ("12.6", 12020), ("12.6", 13010)],
)
def test_a_driver_of_the_same_major_version_of_cuda_or_a_newer_one_will_do(built_for, supported):
    assert old_driver(built_for, lambda: supported) is None


@pytest.mark.parametrize(
    ("built_for", "mend"),
    [("13.0", "install driver 580 or newer, or"), ("14.1", "install a driver that supports CUDA 14, or")],
)
def test_an_older_driver_is_told_with_both_versions_and_the_mend(built_for, mend, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_driver, "DRIVER_VERSION", tmp_path / "version")
    (tmp_path / "version").write_text("535.104.05\n")
    lack = old_driver(built_for, lambda: 12020)
    assert lack.what.startswith(
        f"NVIDIA's driver 535.104.05 is too old: it supports CUDA 12.2, and this PyTorch is built for CUDA {built_for};"
    )
    assert lack.mend == f"{mend} a PyTorch for CUDA 12"


def test_the_driver_is_asked_through_its_own_library(tmp_path, monkeypatch):
    """A stand-in for libcuda.so.1, with the one function that is called."""
    monkeypatch.setattr(gpu_driver, "LIBRARY", str(tmp_path / "nowhere.so"))
    assert supported_cuda() is None
    source, library = tmp_path / "driver.c", tmp_path / "libcuda.so.1"
    source.write_text("int cuDriverGetVersion(int *version) { *version = 12020; return 0; }\n")
    try:
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True, timeout=60)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("no C compiler")
    monkeypatch.setattr(gpu_driver, "LIBRARY", str(library))
    assert supported_cuda() == 12020


@pytest.mark.slow
def test_doctor_says_that_the_driver_is_too_old(typed, monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(gpu_driver.old_driver, "__defaults__", (lambda: 12020,))
    told = typed("doctor")
    (line,) = [line for line in told.stdout.splitlines() if " torch " in line]
    assert line.startswith("NO  torch")
    assert "is too old: it supports CUDA 12.2" in line
    assert told.returncode == 3
