"""The package's front door: every word of the command line is a function, typed, and found when it is asked for."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

import search
from search.cli import app

SHADOWED = "search"  # the one word whose function has another name: search.run
TERMINAL_ALONE = {"json_", "watch", "every", "yes", "help", "out"}  # how a terminal shows, asks and keeps
NAMED_OTHERWISE = {"set_": "overrides", "from_": "start_from", "dashboard": "address", "threshold": "thresholds"}


def words() -> dict[str, typer.main.TyperGroup]:
    """Every word that `afcl --help` lists, with what it takes."""
    root = typer.main.get_command(app.app)
    found = {name: one for name, one in root.commands.items() if not one.hidden}
    data = found.pop("data")
    return found | {f"data_{name}": one for name, one in data.commands.items()}


def function_of(word: str):
    return search.run if word == SHADOWED else getattr(search, word)


@pytest.mark.parametrize("word", list(words()))
def test_a_word_is_a_function_that_takes_what_its_flags_give(word):
    taken = set(inspect.signature(function_of(word)).parameters)
    flags = {one.name for one in words()[word].params} - TERMINAL_ALONE
    assert {NAMED_OTHERWISE.get(flag, flag) for flag in flags} <= taken


@pytest.mark.parametrize("word", list(words()))
def test_a_words_arguments_are_named_typed_and_described(word):
    function = function_of(word)
    described = inspect.getdoc(function)
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    for name, one in signature.parameters.items():
        assert one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
        assert one.annotation is not one.empty
        assert f"    {name}: " in described, name


def test_every_public_name_is_there_and_its_home_is_the_one_that_types_are_read_from():
    for name in search.__all__:
        assert getattr(search, name) is not None
        assert name in dir(search)
    declared = ast.parse(Path(search.__file__).read_text())
    typed = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(declared)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("search", "spaces", "trainers")
        for alias in node.names
    }
    typed.pop("own_version")
    assert typed.keys() == set(search.__all__) - {"__version__"}
    for name, (module, there) in typed.items():
        assert search._HOME_OF[name] == module
        assert search._NAMED_THERE.get(name, name) == there


def test_no_module_or_package_hides_a_public_name():
    inside = {path.stem for path in Path(search.__file__).parent.iterdir()}
    assert inside.isdisjoint(search.__all__)


def test_a_name_that_there_is_not_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'serach'"):
        search.serach  # noqa: B018


def test_the_version_is_the_package_s():
    assert search.__version__.split(".")[0].isdigit()


def test_importing_the_package_loads_nothing_heavy():
    program = "import sys, search; print({'torch', 'ray', 'mlflow', 'optuna', 'pandas', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
