"""The GPU check works on a machine that has PyTorch and what carry.py packs, and lacks MLflow, plotly and kornia."""

import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import pytest
from archives import unpack
from packaging.requirements import Requirement

HERE = Path(__file__).parent
FILES = [file for file in sorted(HERE.glob("*.py")) if not file.name.startswith("test_")]

# what the borrowed machine has; what these need is there too
THERE = (
    *(
        "torch",
        "torchvision",
        "numpy",
        "scikit-learn",
        "pandas",
        "pyarrow",
        "pillow",
        "pyyaml",
        "rich",
        "typer",
        "click",
    ),
    *(
        "scipy",
        "msgpack",
        "grpcio",
        "protobuf",
        "requests",
        "filelock",
        "jinja2",
        "packaging",
        "tqdm",
        "attrs",
        "fsspec",
    ),
    *("aiohttp", "h11", "psutil", "pytest", "pytest-timeout", "hypothesis", "matplotlib", "statsmodels", "cloudpickle"),
    *("timm", "setuptools"),
)
ABSENT = ("mlflow", "plotly", "sqlalchemy", "alembic", "kornia")
LEFT_OUT = {"sqlalchemy", "alembic"}  # Optuna names them, for a storage of its own that a search does not use


@pytest.fixture(scope="module")
def carry():
    spec = importlib.util.spec_from_file_location("carry", HERE / "carry.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def needs_of(name: str) -> Iterable[str]:
    """The packages that a package asks for here, without its extras."""
    for line in metadata.requires(name) or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield plain(requirement.name)


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def is_installed(name: str) -> bool:
    return any(True for _ in metadata.Distribution.discover(name=name))


def with_their_needs(names: Iterable[str]) -> set[str]:
    """Those packages of them that are installed here, and all that these need."""
    found, left = set(), list(names)
    while left:
        name = left.pop()
        if name not in found and is_installed(name):
            found.add(name)
            left += needs_of(name)
    return found


def test_what_is_carried_has_a_locked_version(carry):
    assert set(carry.PACKAGES) <= carry.locked_versions(carry.LOCK).keys()


def test_what_the_carried_packages_need_is_carried_or_there(carry):
    there = with_their_needs(THERE) | set(THERE)
    lacking = {need for name in carry.PACKAGES for need in needs_of(name)} - there - set(carry.PACKAGES)
    assert lacking == LEFT_OUT


@pytest.mark.slow
def test_dead_weight_is_left_out_and_programs_stay_programs(carry, tmp_path):
    with zipfile.ZipFile(tmp_path / "ray.whl", "w") as wheel:
        for name, mode in {"ray/core/raylet": 0o755, "ray/actor.py": 0o644, "ray/jars/ray_dist.jar": 0o644}.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            wheel.writestr(entry, name)
    packed = carry.pack([tmp_path / "ray.whl"], tmp_path / "site.tar.xz")
    assert dict(packed) == {"ray": len("ray/core/raylet") + len("ray/actor.py")}
    (tmp_path / "site").mkdir()
    unpack(tmp_path / "site.tar.xz", tmp_path / "site")
    assert (tmp_path / "site/ray/core/raylet").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "site/ray/actor.py").stat().st_mode & 0o777 == 0o644
    first = (tmp_path / "site.tar.xz").read_bytes()
    carry.pack([tmp_path / "ray.whl"], tmp_path / "site.tar.xz")
    assert (tmp_path / "site.tar.xz").read_bytes() == first


@pytest.fixture(scope="module")
def python(carry, tmp_path_factory) -> Path:
    """A Python that has only what that machine has and what is carried, as links to what is installed here."""
    folder = tmp_path_factory.mktemp("machine")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    site = folder / "site"
    site.mkdir()
    for name in with_their_needs(THERE) | set(carry.PACKAGES):
        for file in metadata.distribution(name).files or []:
            top = file.parts[0]
            if top not in ("..", "__pycache__") and not (site / top).is_symlink():
                (site / top).symlink_to(metadata.distribution(name).locate_file(top))
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    (packages / "carried.pth").write_text(f"{site}\n")
    return folder / "venv" / "bin" / "python"


@pytest.fixture
def bare(python, tmp_path):
    """Run that Python, elsewhere than in the checkout."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*words: object) -> str:
        command = [str(python), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.slow
def test_that_machine_lacks_what_is_not_carried(bare):
    found = bare("-c", f"from importlib.util import find_spec; print([n for n in {ABSENT} if find_spec(n)])")
    assert found == "[]\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [file for file in FILES if "__main__" in file.read_text()], ids=lambda file: file.name
)
def test_every_command_of_the_check_tells_its_use_there(bare, command):
    assert bare(command, "--help").startswith("usage:")


@pytest.mark.slow
def test_every_section_can_be_imported_there(bare):
    sections = [file.stem for file in FILES if file.stem.startswith("section_")]
    told = bare(
        "-c",
        f"""
import importlib, sys
sys.path.insert(0, {str(HERE)!r})
import run  # puts what the sections import on the path
for name in {sections}:
    print(importlib.import_module(name).rows.__name__)
""",
    )
    assert told.split() == ["rows"] * len(sections)


@pytest.mark.slow
def test_a_trial_and_a_session_of_a_search_can_be_imported_there(bare):
    bare(
        "-c",
        f"import sys; sys.path.insert(0, {str(HERE.parents[1])!r}); import trainers.pipeline, search.engine.runner",
    )
