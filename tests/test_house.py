"""The shape of the house: imports run search -> spaces -> trainers, and trainers know nothing of a search."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def imports_of(package: str) -> set[str]:
    """Top-level names that a package's files import, wherever in the file."""
    names: set[str] = set()
    for file in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add((node.module or "").split(".")[0])
    return names


def test_trainers_know_nothing_of_the_search():
    assert imports_of("trainers").isdisjoint({"search", "spaces", "ray", "mlflow", "optuna"})


def test_spaces_know_the_config_and_nothing_of_the_search():
    assert imports_of("spaces").isdisjoint({"search", "ray", "mlflow", "optuna", "torch"})


def test_search_stands_on_both():
    assert imports_of("search") >= {"spaces", "trainers", "ray", "mlflow", "optuna"}


def test_workers_import_neither_mlflow_nor_optuna_nor_torchvision():
    seen = reached_at_the_top("search.worker.trainable")
    assert seen.isdisjoint({"mlflow", "optuna", "torchvision", "plotly"}), seen


@pytest.mark.parametrize("module", ["search.engine.runner", "search.engine.confirmation", "search.cli.app"])
def test_a_session_begins_without_mlflow_and_plotly(module):
    seen = reached_at_the_top(module)
    assert seen.isdisjoint({"mlflow", "plotly", "sqlalchemy"}), seen


def reached_at_the_top(module: str) -> set[str]:
    """Names that are imported when a module is: by it, or by what of ours it imports."""
    seen: set[str] = set()
    queue = [module]
    while queue:
        module = queue.pop()
        for name in _imported_at_the_top(module):
            seen.add(name.split(".")[0])
            if name.split(".")[0] in {"search", "spaces", "trainers"} and name not in seen:
                seen.add(name)
                queue.append(name)
    return seen


def _imported_at_the_top(module: str) -> list[str]:
    path = ROOT / module.replace(".", "/")
    file = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
    names: list[str] = []
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
            inside = ROOT / node.module.replace(".", "/")
            names += [f"{node.module}.{a.name}" for a in node.names if (inside / f"{a.name}.py").exists()]
    return names


@pytest.mark.parametrize("package", ["search", "spaces", "trainers"])
def test_every_file_can_be_read_in_one_sitting(package):
    long = {file.name: n for file in (ROOT / package).rglob("*.py") if (n := len(file.read_text().splitlines())) > 400}
    assert not long


def test_lock_file_holds_names_and_versions_and_no_addresses():
    lines = (ROOT / "requirements.lock").read_text().splitlines()[1:]
    assert all("==" in line and "/" not in line and "@" not in line for line in lines)


def test_no_file_holds_what_a_merge_left():
    files = [
        file for folder in ("search", "spaces", "trainers", "tests", "docker") for file in (ROOT / folder).rglob("*.*")
    ]
    files += [ROOT / name for name in ("README.md", "Makefile", "pyproject.toml", "requirements.lock")]
    texts = {file: file.read_text() for file in files if file.suffix not in (".pyc", ".png", ".xz")}
    assert len(texts) > 100
    assert not [file.name for file, text in texts.items() if re.search(r"^(<{7}|>{7}) ", text, re.MULTILINE)]
