"""The origin of a search's results: versions, commit, code, data and machine."""

import hashlib
import os
import platform
import subprocess
import tomllib
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.storage.own_code import PACKAGES as OWN_PACKAGES
from search.storage.own_code import code_folder, package_folder
from search.storage.scoring_code import scoring_code_hash

if TYPE_CHECKING:
    from trainers.data.arrays import Split, TrialData

PROJECT = "afcl-search"
PACKAGES = ("torch", "torchvision", "numpy", "ray", "optuna", "mlflow")
# variables that `submit` sends with a job, as the job's copy of the code has no commit and is not installed
COMMIT_SENT, VERSION_SENT = "AFCL_GIT_COMMIT", "AFCL_VERSION"


def versions() -> dict[str, str]:
    """The versions of Python, of afcl-search, and of those of PACKAGES that are installed, by name."""
    found = {"python": platform.python_version(), "afcl-search": own_version()}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):  # a machine that only trains may have no MLflow
            found[name] = metadata.version(name)
    return found


def own_version() -> str:
    """The version of this code: in a checkout, that of its pyproject.toml; else that of the installed package.

    A job's copy of the code on a cluster is neither, so `submit` sends the version with the job.
    """
    if sent := os.environ.get(VERSION_SENT):
        return sent
    checkout = code_folder() / "pyproject.toml"
    if checkout.is_file():  # the version that pip installed a checkout with may be older
        project = tomllib.loads(checkout.read_text(encoding="utf-8"))["project"]
        if project["name"] == PROJECT:
            return str(project["version"])
    return metadata.version(PROJECT)


def code_hash() -> str:
    """The SHA-256 of the names and contents of this project's own Python files, in hexadecimal digits."""
    digest = hashlib.sha256()
    for package in OWN_PACKAGES:
        root = package_folder(package)
        for file in sorted(root.rglob("*.py")):
            digest.update(f"{package}/{file.relative_to(root).as_posix()}\0".encode())
            digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()


def git_commit() -> str | None:
    """The commit of this code, followed by "+changes" if tracked files differ from it; None outside a checkout.

    With a job on a cluster, `submit` sends the commit.
    """
    if sent := os.environ.get(COMMIT_SENT):
        return sent
    here = code_folder()

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(here), *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != here:
            return None  # this code is installed inside somebody else's checkout
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def cpu_kind() -> str:
    """The processor's model name, or if this system does not tell it, the kind of processor (x86_64)."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def provenance(data: dict[str, Any]) -> dict[str, Any]:
    """The entry "provenance" of search.json. data: its part about the data, from `about_data`."""
    return {
        "versions": versions(),
        "git_commit": git_commit(),
        "code": code_hash(),
        "scoring_code": scoring_code_hash(),
        "data": data,
        "machine": {"system": platform.platform(), "cpu": cpu_kind(), "cores": os.cpu_count()},
    }


def about_data(arrays: "TrialData") -> dict[str, Any]:
    """What search.json says of the data: description, fingerprint, and number of images by split and class.

    If the data are image files, "look" says how they are made into arrays. "given_validation" is there if the data set
    has a validation split of its own.
    """

    def counts(split: "Split") -> dict[str, int]:
        return dict(zip(arrays.class_names, split.counts(len(arrays.class_names)), strict=True))

    return {
        "description": arrays.description,
        "fingerprint": arrays.fingerprint,
        "train": counts(arrays.train),
        "validation": counts(arrays.validation),
        **({} if arrays.look is None else {"look": dict(arrays.look)}),
        **({"given_validation": True} if arrays.has_given_validation else {}),
    }
