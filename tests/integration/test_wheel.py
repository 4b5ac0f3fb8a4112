"""What is installed away from a checkout: everything that stands in a package, and it works from there."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
import venv
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from outages import free_port
from searches import variables

from search.storage.provenance import own_version
from spaces.spec import ready_names

ROOT = Path(__file__).parents[2]
PACKAGES = ("search", "spaces", "trainers")
FEW = ["search.trials=0", "search.baselines=[CL]", "representation.epochs=1", "representation.warmup_epochs=0"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The folder where pip has put a wheel, in an environment that takes all other packages from this one.

    Built from a copy, as setuptools leaves files in what it builds from.
    """
    source, wheels, folder = (tmp_path_factory.mktemp(name) for name in ("source", "wheels", "environment"))
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    _said(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels), str(source))
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "others.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    (wheel,) = wheels.glob("*.whl")
    pip = (sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "--disable-pip-version-check")
    _said(*pip, "install", "--no-deps", "--no-index", "--force-reinstall", str(wheel))
    return site


@pytest.fixture(scope="module")
def beside(tmp_path_factory) -> Path:
    """A user's folder with modules of the names of our packages, none of which may be imported."""
    folder = tmp_path_factory.mktemp("beside")
    for name in ("search.py", "spaces/__init__.py", "trainers/__init__.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("raise RuntimeError('this is a module of the user')")
    return folder


def _said(*command: str, **more: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **more)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def _outside(**more: str) -> dict[str, str]:
    """The environment of a shell that knows nothing of this checkout."""
    return {name: value for name, value in variables(**more).items() if name not in ("PYTHONPATH", "MYPYPATH")}


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
    (tmp_path / "script.py").write_text(SCRIPT)
    python = installed.parents[2] / "bin" / "python"
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python), "script.py"]
    checked = subprocess.run(command, cwd=tmp_path, env=_outside(), capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.slow
def test_afcl_of_a_wheel_works_outside_the_checkout_beside_modules_of_its_packages_names(installed, beside):
    words = [str(installed.parents[2] / "bin" / "afcl")]

    def afcl(*more: str) -> str:
        return _said(*words, *more, cwd=beside, env=_outside())

    assert afcl("--version").split() == ["afcl-search", own_version()]
    for ready in ready_names():
        planned = subprocess.run([*words, "plan", ready], cwd=beside, env=_outside(), capture_output=True, text=True)
        assert planned.returncode == 0 or "is not on this machine" in planned.stderr, planned.stderr
    afcl("search", "digits", "--name", "mine", *chain(*(("--set", change) for change in FEW)))
    shown = json.loads(afcl("show", "mine", "--json"))
    assert [trial["state"] for trial in shown["trials"]] == ["finished"]
    exported = afcl("export", "mine", "--top", "1").split()[0]
    assert json.loads(afcl("train", exported, "--json"))["same"]
    assert "--threshold" in afcl("predict", "--help")
    _opens([*words, "ui"], beside)


def _opens(command: list[str], folder: Path) -> None:
    """Start `afcl ui` and look at its first page, which our plugin of MLflow's server gives; then end it."""
    port = free_port()
    words = [*command, "--port", str(port)]
    with subprocess.Popen(words, cwd=folder, env=_outside(), stdout=subprocess.PIPE) as server:
        try:
            for line in server.stdout or ():
                if b"Ctrl-C ends it" in line:
                    break
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
                assert "location.replace" in answer.read().decode()
        finally:
            server.terminate()
    assert server.returncode == 0


SCRIPT_BESIDE = """\
import sys
sys.path.append(sys.path.pop(0))
import ray, search
changes = {changes}
print(search.run("digits", changes, trials=0, name="by-script").state)
ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
try:
    search.run("digits", changes, trials=0, name="in-my-ray")
except search.EnvironmentProblem as problem:
    print(problem)
"""


@pytest.mark.slow
def test_a_script_beside_such_modules_imports_afcl_as_the_readme_says_and_is_told_of_a_ray_that_cannot(
    installed, beside
):
    (beside / "script.py").write_text(SCRIPT_BESIDE.format(changes=FEW[1:]))
    assert "sys.path.append(sys.path.pop(0))" in (ROOT / "search" / "README.md").read_text()
    said = _said(str(installed.parents[2] / "bin" / "python"), "script.py", cwd=beside, env=_outside())
    assert "done" in said.splitlines()
    assert f"imports {beside / 'search.py'} in place of a package of afcl; call ray.init() from another folder" in said


NOTEBOOK = """\
import nbformat, nbclient
cells = ["import sys\\nsys.path.append(sys.path.pop(sys.path.index('')))", "import search\\nsearch.__file__"]
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
nbclient.NotebookClient(notebook, timeout=120).execute()
print(notebook.cells[1].outputs[0].data["text/plain"])
"""


@pytest.mark.slow
def test_a_notebook_beside_such_modules_imports_afcl_as_the_readme_says(installed, beside):
    pytest.importorskip("nbclient", reason="of the dev extra")
    assert 'sys.path.append(sys.path.pop(sys.path.index("")))' in (ROOT / "search" / "README.md").read_text()
    python = str(installed.parents[2] / "bin" / "python")
    assert _said(python, "-c", NOTEBOOK, cwd=beside, env=_outside()).strip() == repr(
        str(installed / "search/__init__.py")
    )
