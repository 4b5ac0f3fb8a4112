"""Load a user's own code, such as an encoder, by import path (`mypkg.models:build`) or by the name of an entry point.

Such a piece of code is called a part. A search keeps the hash of its source behind its import path. So each machine
that trains can check that it has the same source. A search, an export or a prediction then never uses other code of the
same name by mistake.
"""

import ast
import hashlib
import importlib
import inspect
import re
from collections.abc import Callable
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import Any

from trainers.errors import InputError
from trainers.wording import did_you_mean, printable

MARK = "#sha256="  # separates a path from its hash, in the config that a search keeps
PATH_PATTERN = rf"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*({MARK}[0-9a-f]{{64}})?"


def is_path(name: str) -> bool:
    """Whether a name is the import path of a part."""
    return re.fullmatch(PATH_PATTERN, name) is not None


def path_of(group: str, name: str) -> str | None:
    """The import path that an installed package registers as entry point `name`; None if no package does.

    Args:
        group: a group of entry points, such as afcl.encoders.
        name: the part's name.
    """
    found = [one.value.replace(" ", "") for one in metadata.entry_points(group=group, name=name)]
    return found[0] if found and is_path(found[0]) else None


def registered(group: str) -> list[str]:
    """The names of the parts that installed packages register in a group of entry points."""
    return sorted({one.name for one in metadata.entry_points(group=group)})


def with_source_hash(field: str, name: str) -> str:
    """A part's import path, followed by the hash of its source.

    Args:
        field: the config's field, for messages.
        name: the import path, with or without a hash.

    Raises:
        InputError: the part cannot be imported, or its source does not match the hash in `name`.
    """
    load_part(field, name)
    path = name.partition(MARK)[0]
    return f"{path}{MARK}{source_hash(path.partition(':')[0])}"


def load_part(field: str, name: str) -> Any:
    """The object that an import path names.

    Args:
        field: the config's field, for messages.
        name: the import path, with or without a hash.

    Raises:
        InputError: there is no such module or object on this machine, the module cannot be imported, or its source
            does not match the hash. The message has one line.
    """
    path, _, expected = name.partition(MARK)
    module, _, attributes = path.partition(":")
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise InputError(
            f"{field}: no module {error.name} here, which {path} needs; install it on every machine that trains"
        ) from None
    except Exception as error:  # a module may raise anything
        said = " ".join(str(error).split())
        raise InputError(f"{field}: {module} cannot be imported: {type(error).__name__}: {printable(said)}") from None
    if expected and source_hash(module) != expected:
        raise InputError(
            f"{field}: the source of {module} has changed since the search began; restore it, or begin a new search"
        )
    for attribute in attributes.split("."):
        if not hasattr(found, attribute):
            raise InputError(
                f"{field}: {module} has no {attribute}{did_you_mean(attribute, dir(found), else_all=False)}"
            )
        found = getattr(found, attribute)
    return found


def parameters_of(function: Callable[..., Any], given: int) -> dict[str, inspect.Parameter]:
    """The parameters of a part by name, without the first `given`; empty if Python cannot tell them."""
    try:
        found = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some functions that are written in C have no signature
        return {}
    return {one.name: one for one in found[given:]}


def source_folder(module: str) -> Path:
    """The path of a part's source: the folder of its top package, or the file of a module outside any package.

    Raises:
        InputError: there is no such module, or it has no Python source, such as a module written in C.
    """
    top = module.partition(".")[0]
    found = util.find_spec(top)
    if found is not None and found.submodule_search_locations:
        return Path(next(iter(found.submodule_search_locations)))
    if found is None:
        raise InputError(f"no module {top} here")
    if found.origin is None or not found.origin.endswith(".py"):
        raise InputError(f"{module} has no Python source that could be hashed")
    return Path(found.origin)


@cache
def source_hash(module: str) -> str:
    """The SHA-256 of a part's source: its whole package, or its one file. Comments and docstrings do not count."""
    home = source_folder(module)
    files = sorted(home.rglob("*.py")) if home.is_dir() else [home]
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(home.parent).as_posix()}\0{_definitions(file)}\0".encode())
    return digest.hexdigest()


def _definitions(file: Path) -> str:
    """A file's syntax tree as text, without docstrings, comments and line numbers."""
    tree = ast.parse(file.read_bytes())
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or not node.body:
            continue
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            node.body = node.body[1:]
    return ast.dump(tree)
