"""The shape of the house: imports run downwards by rank, and trainers know nothing of a search."""

import ast
import functools
import re
import tomllib
from pathlib import Path

import pytest
from ranks import RANK, room_of

ROOT = Path(__file__).parents[1]


@functools.cache
def tree_of(file: Path) -> ast.Module:
    """A file's syntax, parsed once for all tests here."""
    return ast.parse(file.read_text())


def imports_of(package: str) -> set[str]:
    """Top-level names that a package's files import, wherever in the file."""
    names: set[str] = set()
    for file in (ROOT / package).rglob("*.py"):
        for node in ast.walk(tree_of(file)):
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


def modules() -> dict[str, Path]:
    """Our modules by name."""
    files = [file for package in ("search", "spaces", "trainers") for file in (ROOT / package).rglob("*.py")]
    names = {".".join(file.relative_to(ROOT).with_suffix("").parts): file for file in files}
    return {name.removesuffix(".__init__"): file for name, file in names.items()}


def imports_among(known: dict[str, Path]) -> dict[str, set[str]]:
    """Which of our modules each of them imports, wherever in the file."""
    found: dict[str, set[str]] = {}
    for name, file in known.items():
        targets: set[str] = set()
        for node in ast.walk(tree_of(file)):
            if isinstance(node, ast.Import):
                targets |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                inside = {f"{node.module}.{alias.name}" for alias in node.names}
                targets |= inside & known.keys() or {node.module}
        found[name] = {target for target in targets if target in known}
    return found


def test_imports_run_downwards():
    wrong = [
        f"{name} imports {target}"
        for name, targets in imports_among(modules()).items()
        for target in sorted(targets - {"search"})  # the package itself, for where its code lies
        if room_of(name) != room_of(target) and RANK[room_of(target)] <= RANK[room_of(name)]
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle():
    graph = imports_among(modules())
    for name in graph.keys() & {"search", "trainers.data"}:  # their names are looked up when they are asked for
        graph[name] = set()
    left = dict(graph)
    while free := [name for name, targets in left.items() if not targets & left.keys()]:
        for name in free:
            del left[name]
    assert left == {}


def test_no_folder_on_pytests_path_hides_a_package_of_ours():
    """A folder without __init__.py is a package to Python, and found before an installed one."""
    paths = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["pythonpath"]
    hidden = [
        path for path in paths for package in ("search", "spaces", "trainers") if (ROOT / path / package).exists()
    ]
    assert hidden == []


def test_no_package_bears_the_name_of_a_verb():
    verbs = {"plan", "search", "resume", "extend", "stop", "list", "show", "explain", "logs", "report", "compare"}
    verbs |= {"confirm", "export", "train", "submit", "status", "study", "ui", "sync", "rm", "doctor", "schema", "run"}
    packages = {folder.parent.name for folder in (ROOT / "search").glob("*/__init__.py")}
    assert packages.isdisjoint(verbs)


@pytest.mark.parametrize(
    "folder", sorted(file.parent for file in (ROOT / "search").glob("*/__init__.py")), ids=lambda f: f.name
)
def test_a_package_of_search_begins_with_its_docstring_alone(folder):
    """A worker that imports one module must not load what others need."""
    body = tree_of(folder / "__init__.py").body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)


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
    for node in tree_of(file).body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
            inside = ROOT / node.module.replace(".", "/")
            names += [f"{node.module}.{a.name}" for a in node.names if (inside / f"{a.name}.py").exists()]
    return names


def opened_without_encoding(tree: ast.AST) -> list[int]:
    """Lines that open, read or write a text file in whatever encoding the machine has."""

    def is_text_mode(call: ast.Call) -> bool:
        modes = [one.value for one in (*call.args, *(k.value for k in call.keywords)) if isinstance(one, ast.Constant)]
        is_plain = not call.args and not call.keywords
        return is_plain or any(isinstance(mode, str) and re.fullmatch(r"[rwax]\+?", mode) for mode in modes)

    lines = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or any(keyword.arg == "encoding" for keyword in node.keywords):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in ("read_text", "write_text") or (name == "open" and is_text_mode(node)):
            lines.append(node.lineno)
    return lines


def test_every_text_file_of_ours_is_utf_8_whatever_the_locale():
    tried = "a.open('w'); a.open(); open(a, 'r+'); a.read_text(); a.open('rb'); a.open('a', encoding='utf-8')"
    assert len(opened_without_encoding(ast.parse(tried))) == 4
    wrong = {name: lines for name, file in modules().items() if (lines := opened_without_encoding(parsed(file)))}
    assert wrong == {}


def parsed(file: Path) -> ast.AST:
    return ast.parse(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("package", ["search", "spaces", "trainers"])
def test_every_file_can_be_read_in_one_sitting(package):
    long = {file.name: n for file in (ROOT / package).rglob("*.py") if (n := len(file.read_text().splitlines())) > 400}
    assert not long


def homes_of(module: str) -> list[Path]:
    """Where the tests of a module of search may stand: under its name, or in a file of whole searches that says so.

    The latter has a line "Modules: search.a.b, search.c.d" in its docstring. What stands there by accident does not
    count: either file must have a test, and import the module or something of it, or name it in its docstring.
    """
    mirrored = ROOT / "tests" / f"{module.rpartition('.')[0].replace('.', '/')}/test_{module.rpartition('.')[2]}.py"
    whole = [file for file in (ROOT / "tests" / "integration").glob("test_*.py") if module in listed_in(file)]
    return [file for file in (mirrored, *whole) if file.exists() and is_about(file, module)]


@functools.cache
def listed_in(file: Path) -> list[str]:
    """The modules that a file's docstring says its tests are about."""
    listed = re.search(r"^Modules: ((?:[\w.]+,\s+)*[\w.]+)", ast.get_docstring(tree_of(file)) or "", re.M)
    return re.split(r",\s+", listed[1]) if listed else []


def is_about(file: Path, module: str) -> bool:
    """Whether a file has tests, and names the module as an import or in its docstring."""
    tree = tree_of(file)
    has_tests = any(isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in tree.body)
    named = set(re.findall(r"\bsearch(?:\.\w+)+", ast.get_docstring(tree) or ""))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            named |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return has_tests and module in named


def test_every_module_of_search_has_tests_under_its_name():
    """Or in tests/integration, in a file that says so."""
    names = [name for name, file in modules().items() if name.startswith("search.") and file.name != "__init__.py"]
    assert [name for name in names if not homes_of(name)] == []


def test_no_file_of_whole_searches_lists_a_module_that_there_is_not():
    listed = [name for file in (ROOT / "tests" / "integration").glob("test_*.py") for name in listed_in(file)]
    assert set(listed) <= modules().keys()


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
