"""A machine that only trains: MLflow, plotly and SQLAlchemy are not installed, and a search runs all the same."""

import json
import re
import subprocess
import sys
from importlib import metadata

import pytest

from search.storage.provenance import versions

ABSENT = ("mlflow", "plotly", "sqlalchemy", "alembic")

# what Python reads as sitecustomize.py in every process of the search, Ray's too
HIDDEN = f"""
import sys
from importlib import metadata

ABSENT = {ABSENT!r}
real = metadata.Distribution.from_name


class Hiding:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {{name.partition('.')[0]!r}}", name=name.partition(".")[0])


def from_name(name):
    if name in ABSENT:
        raise metadata.PackageNotFoundError(name)
    return real(name)


sys.meta_path.insert(0, Hiding())
metadata.Distribution.from_name = staticmethod(from_name)
"""

SEARCH = """
import sys
from pathlib import Path
from search import api
from search.engine import runner
from spaces.spec import load_spec

runner.DELIVERY_PATIENCE = 3600.0  # to wait for an MLflow that is not installed would take longer than this test may
spec = load_spec("digits", ["search.trials=1", "search.baselines=[CL]", "representation.epochs=2"], name="bare")
found = api.run(spec, results=Path(sys.argv[1]))
assert found.reason == "done", found.reason
"""


@pytest.fixture
def bare(environment, tmp_path):
    """Run Python where those packages are not."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(HIDDEN)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        path = [str(site), *filter(None, sys.path)]
        return subprocess.run(
            [sys.executable, *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment(PYTHONPATH=":".join(path)),
            timeout=300,
        )

    return run


@pytest.mark.slow
def test_a_search_runs_to_its_end_without_mlflow_and_plotly(bare, tmp_path):
    done = bare("-c", SEARCH, str(tmp_path / "results"))
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout.count(
            "nothing can be delivered to MLflow now (the package mlflow is not installed here; pip install mlflow)"
        )
        == 1
    )
    assert done.stdout.count("no report of bare: plotly, which draws it, is not installed here") == 1
    folder = tmp_path / "results" / "bare"
    assert (folder / "optuna.log").read_text().count('"op_code":4') == 2  # both trials, without SQLAlchemy
    known = json.loads((folder / "search.json").read_text())["provenance"]["versions"]
    assert {"torch", "ray", "optuna"} <= known.keys()
    assert "mlflow" not in known


@pytest.mark.slow
def test_a_report_without_plotly_is_refused_in_a_line(bare, told):
    done = bare("-m", "search", "report", "told", "--results", str(told))
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "afcl: no report of told: plotly, which draws it, is not installed here\n"


@pytest.fixture
def only_code(monkeypatch):
    """Neither MLflow nor this project is installed, to who asks for their versions."""
    real = metadata.version

    def version(name: str) -> str:
        if name in ("mlflow", "afcl-search"):
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", version)


@pytest.mark.usefixtures("only_code")
def test_versions_are_of_what_is_installed():
    assert "mlflow" not in versions()
    assert versions()["ray"] == metadata.version("ray")


@pytest.mark.usefixtures("only_code")
def test_a_checkout_that_is_not_installed_has_its_version_from_its_pyproject():
    assert re.fullmatch(r"\d+\.\d+\.\d+", versions()["afcl-search"])


@pytest.mark.slow
@pytest.mark.usefixtures("only_code")
def test_doctor_says_that_mlflow_is_not_installed(typed):
    (told,) = [line for line in json.loads(typed("doctor", "--json").stdout) if line["name"] == "mlflow"]
    assert (told["ok"], told["text"]) == (False, "not installed")
