"""What is installed away from a checkout: everything that stands in a package, and it works from there."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("search", "spaces", "trainers")


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder that holds what a wheel does. Built from a copy: setuptools leaves files in what it builds from."""
    source, wheels, site = (tmp_path_factory.mktemp(name) for name in ("source", "wheels", "site"))
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels), str(source)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    (wheel,) = wheels.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(site)
    return site


@pytest.mark.slow
def test_a_wheel_holds_every_file_of_the_packages_but_what_is_told_to_readers_of_the_source(installed):
    def files(folder: Path) -> set[str]:
        found = (path for package in PACKAGES for path in (folder / package).rglob("*"))
        return {
            path.relative_to(folder).as_posix()
            for path in found
            if path.is_file() and path.suffix not in (".pyc", ".md")
        }

    assert files(installed) == files(ROOT)


@pytest.mark.slow
def test_what_a_wheel_brought_writes_a_page(installed, told, environment, tmp_path):
    command = [sys.executable, "-m", "search", "report", "told", "--results", str(told)]
    variables = environment(PYTHONPATH=os.pathsep.join([str(installed), *sys.path]))
    done = subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "<h2>Leaderboard</h2>" in (told / "told" / "index.html").read_text()
    where = [sys.executable, "-c", "import search, trainers; print(search.__file__, trainers.__file__)"]
    found = subprocess.run(where, env=variables, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert found.split() == [str(installed / "search/__init__.py"), str(installed / "trainers/__init__.py")]


SCRIPT = """\
from pathlib import Path

import search


def best_values(name: str) -> dict[str, float | int | str | bool]:
    found: search.Search = search.open(name, results=Path("results"))
    best: search.Trial | None = found.best
    return {} if best is None else best.values


def main() -> None:
    try:
        ran: search.SearchResult = search.run("demo", ["model.width=4"], name="mine", trials=8)
    except (search.InputError, search.EnvironmentProblem) as problem:
        print(problem, search.__version__)
        return
    spec: search.SearchSpec = ran.spec
    planned: search.Planned = search.plan(spec)
    confirmation: search.Confirmation = ran.confirm(seeds=10)
    sentences: list[str] = confirmation.sentences
    paths: list[Path] = ran.export(top=3)
    listed: list[search.Listed] = search.list()
    finished = ran.frames().trials["score"].count()
    print(planned.plan.trials, sentences, paths, listed, finished, ran.reason, best_values("mine"))
    search.run("demo", trial=8)  # type: ignore[call-arg]
    search.export("mine", by="luck")  # type: ignore[arg-type]
    search.serach("mine")  # type: ignore[attr-defined]


main()
"""


@pytest.mark.slow
def test_a_script_is_checked_strictly_against_what_a_wheel_brought(installed, tmp_path):
    """Each `type: ignore` is a mistake that mypy must see: where a function takes anything, it is unused."""
    venv.create(tmp_path / "venv")
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    for package in PACKAGES:
        shutil.copytree(installed / package, site / package)
    (site / "others.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    (tmp_path / "script.py").write_text(SCRIPT)
    python = tmp_path / "venv" / "bin" / "python"
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python), "script.py"]
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MYPYPATH")}
    checked = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
