"""Is this machine ready? One finding for each thing that a search needs, with what to do if it is missing."""

import os
import platform
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

import torch

from search.cluster.gpu_driver import old_driver
from search.cluster.own_ray import lacks
from search.engine.preflight import lack_of_folder
from search.storage.redact import shown_uri
from search.storage.search_folder import results_root
from search.tracking.client import tracking_uri
from trainers.commands import command_line
from trainers.compute.devices import has_mps
from trainers.data import default_config, load
from trainers.errors import EnvironmentProblem, InputError
from trainers.os_errors import nearest_existing


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    name: str  # what was checked, in a word
    ok: bool
    text: str  # what was found
    mend: str = ""  # what to do, if it is not ok


def examine(results: Path | None = None, data: Path | None = None) -> Iterator[Finding]:
    """Make the checks one after another, and yield each finding as soon as it is made."""
    root = results_root(results)
    yield _python()
    yield _device()
    yield _ray()
    yield _store(tracking_uri(None, root))
    yield _disk(root)
    for name in ("fmnist", "digits"):
        yield _dataset(name, data)


def _python() -> Finding:
    ok = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding("python", ok, platform.python_version(), "" if ok else "use Python 3.11, 3.12 or 3.13")


def _device() -> Finding:
    if (lack := old_driver(torch.version.cuda)) is not None:  # checked first, as PyTorch would print its own warning
        return Finding("torch", False, f"{torch.__version__}; {lack.what}", lack.mend)
    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count()))
        return Finding("torch", True, f"{torch.__version__}, {names}")
    if has_mps():
        return Finding("torch", True, f"{torch.__version__}, Apple's GPU (mps), which afcl has never been tried on")
    return Finding("torch", True, f"{torch.__version__}, no GPU: trials run on {os.cpu_count()} CPU cores")


def _ray() -> Finding:
    if (lack := next(lacks(), None)) is not None:
        return Finding("ray", False, lack.what, lack.mend)
    return Finding("ray", True, f"{metadata.version('ray')}; a search starts its own unless --address names a cluster")


def _store(uri: str) -> Finding:
    parts = urlsplit(uri)
    try:
        version = metadata.version("mlflow")
    except metadata.PackageNotFoundError:
        return Finding("mlflow", False, "not installed", "install it; a search runs without it, with nothing in MLflow")
    if parts.scheme not in ("http", "https"):
        return Finding("mlflow", True, f"{version}, store {shown_uri(uri)}")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=3).close()
    except OSError as error:
        return Finding(
            "mlflow",
            False,
            f"no server answers at {parts.hostname}:{port} ({error.strerror or error})",
            "start it or unset MLFLOW_TRACKING_URI; a search runs without it and `afcl sync` delivers later",
        )
    return Finding("mlflow", True, f"{version}, server {parts.hostname}:{port}")


def _disk(root: Path) -> Finding:
    if (lack := lack_of_folder(root)) is not None:
        what, _, mend = lack.partition("; ")
        return Finding("disk", False, what, f"{mend}, or choose another folder with --results or AFCL_RESULTS")
    free = shutil.disk_usage(nearest_existing(root)).free / 1e9
    return Finding(
        "disk", free > 1, f"{free:.0f} GB free for {root}", "" if free > 1 else "free some, or use --results"
    )


def _dataset(name: str, data: Path | None) -> Finding:
    try:
        return Finding(name, True, load(default_config(name), data).description)
    except (EnvironmentProblem, InputError) as error:
        return Finding(name, False, str(error), command_line("data", "fetch", name))


def in_words(finding: Finding) -> str:
    """The finding as one line of text."""
    mend = "" if finding.ok or not finding.mend else f"; {finding.mend}"
    return f"{'ok ' if finding.ok else 'NO '} {finding.name:8} {finding.text}{mend}"
