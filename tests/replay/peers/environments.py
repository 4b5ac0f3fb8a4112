"""Environments of the peers: a venv for each file of requirements in environments/, under build/peers.

    python tests/replay/peers/environments.py

A venv is made again when its file changes. Its packages are all named, with their versions: nothing else is installed.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FILES = ROOT / "tests" / "replay" / "environments"
VENVS = ROOT / "build" / "peers"


def names() -> list[str]:
    """All environments but the product's own."""
    return sorted(file.stem for file in FILES.glob("*.txt"))


def requirements_of(name: str) -> list[str]:
    """The packages with their versions."""
    lines = (FILES / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def python_of(name: str) -> Path | None:
    """The environment's python; None where it is not there, or is of other requirements."""
    if name == "product":
        return Path(sys.executable)
    stamp = VENVS / name / "made"
    is_there = stamp.exists() and stamp.read_text(encoding="utf-8") == _stamp(name)
    return VENVS / name / "bin" / "python" if is_there else None


def make(name: str) -> None:
    """Make a venv, unless it is there. Raises CalledProcessError where a package cannot be had."""
    if python_of(name) is not None:
        return
    folder = VENVS / name
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "-r", FILES / f"{name}.txt"], check=True)
    (folder / "made").write_text(_stamp(name), encoding="utf-8")


def _stamp(name: str) -> str:
    return hashlib.sha256("\n".join([sys.version, *requirements_of(name)]).encode()).hexdigest()


if __name__ == "__main__":
    for one in names():
        print(f"{one}: {VENVS / one}", flush=True)
        make(one)
