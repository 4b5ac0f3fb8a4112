"""A hash of the code that computes scores, proposes trials and stops them: the scoring code.

If the hash is the same, old and new scores can be compared. It is made from definitions, not from files. Docstrings,
comments, layout, imports, module paths and the annotations of functions do not count: none of them changes a number. So
the hash stays the same when a definition moves to another file, a module is renamed or a sentence is mended. It changes
with any statement, default, constant or decorator.

Three changes go unseen, because a name stands for what is imported. The first is an import of the same name from
another module. The second is a call of a function that has a namesake in another module of ours. The third is a new
version of a library; search.json records the versions of libraries apart.
"""

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from search.storage.own_code import PACKAGES, package_folder

# Patterns of the files with scoring code. Whoever moves a file changes its pattern here; the hash stays the same.
FILES = (
    "trainers/**/*.py",
    "spaces/**/*.py",
    "search/algorithms/*.py",
    "search/worker/*.py",
    "search/engine/controller.py",
    "search/journal/log.py",
    "search/journal/history.py",
)
# Those of these files that only print, draw or wait. A change in them must not make afcl refuse to resume a search.
TELLING = (
    "trainers/commands.py",
    "trainers/console.py",
    "trainers/locking.py",
    "trainers/os_errors.py",
    "trainers/wording.py",
    "trainers/data/io/progress.py",
    "trainers/stages/class_measures.py",
    "trainers/data/datasets/*_remarks.py",
    "trainers/data/io/survey.py",
    "trainers/data/listing.py",
    "trainers/data/sheet.py",
)
# Single definitions that are scoring code, in files that are not.
DEFINITIONS: dict[str, tuple[str, ...]] = {
    "search/storage/trial_folder.py": ("TrialFiles",),  # finds the checkpoint to go on from, and gives trials up
}


def scoring_code_hash(root: Path | None = None) -> str:
    """SHA-256 over the definitions that are scoring code.

    Args:
        root: The folder with our packages; by default the running code is hashed.

    Returns:
        The hash in hexadecimal digits.
    """
    if root is None:  # the running code does not change, and hashing takes a third of a second
        return _hash_of_running_code(FILES, tuple(DEFINITIONS.items()))
    return _hash_of_code(root)


@functools.cache
def _hash_of_running_code(*tables: Any) -> str:
    """The hash of the running code. It is computed once per process, and again if a test changes `tables`."""
    return _hash_of_code(None)


def _hash_of_code(root: Path | None) -> str:
    found = {definition for file, names in _files(root) for definition in definitions(file, root, names)}
    return hashlib.sha256("\0".join(sorted(found)).encode()).hexdigest()


def _folder_of(package: str, root: Path | None) -> Path:
    """The folder of one of our packages: within `root`, or if `root` is None, the running code's folder."""
    return package_folder(package) if root is None else root / package


def _named_by(pattern: str, root: Path | None) -> list[Path]:
    package, _, inside = pattern.partition("/")
    return list(_folder_of(package, root).glob(inside))


def _files(root: Path | None) -> Iterator[tuple[Path, tuple[str, ...] | None]]:
    """The files with scoring code, each with the names of the definitions that count; None if all of them count."""
    telling = {file for pattern in TELLING for file in _named_by(pattern, root)}
    for pattern in FILES:
        found = _named_by(pattern, root)
        assert found, f"{pattern} names no file: the table of scoring_code is out of date"
        yield from ((file, None) for file in found if file not in telling)
    for name, names in DEFINITIONS.items():
        package, _, inside = name.partition("/")
        yield _folder_of(package, root) / inside, names


def definitions(file: Path, root: Path | None, names: tuple[str, ...] | None = None) -> Iterator[str]:
    """The top-level statements of a file as texts (see `canonical`), without what changes no score or decision.

    Args:
        file: A Python file of ours.
        root: The folder with our packages, which shows whether an imported name is a module; None for the running
            code's packages.
        names: Only functions and classes of these names; by default everything.
    """
    tree = ast.parse(file.read_bytes())
    shared = _bindings(tree.body, root)
    for statement in tree.body:
        if names is not None and getattr(statement, "name", None) not in names:
            continue
        own = shared | _bindings(list(ast.walk(statement)), root)
        for unbound in _local_names(statement):
            own.pop(unbound, None)
        cleaned = _Cleaner(own).visit(statement)
        for kept in cleaned if isinstance(cleaned, list) else [cleaned]:
            if kept is not None and not _is_list_of_exports(kept):
                yield canonical(kept)


def canonical(node: Any) -> str:
    """A syntax tree, or a part of one, as text. The output of `ast.dump` differs between versions of Python."""
    if isinstance(node, list):
        return f"[{','.join(map(canonical, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = (
        f"{name}={canonical(value)}"
        for name, value in ast.iter_fields(node)
        if name not in ("ctx", "kind", "type_comment") and value is not None and value != []
    )
    constant = f"value={node.value!r}" if isinstance(node, ast.Constant) else None  # None is a value here
    return f"{type(node).__name__}({constant or ','.join(fields)})"


def _bindings(nodes: list[Any], root: Path | None) -> dict[str, str | None]:
    """The names that imports of our packages bind, each with the imported name; with None if that is a module."""
    bound: dict[str, str | None] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            ours = [alias for alias in node.names if alias.name.split(".")[0] in PACKAGES]
            bound |= {alias.asname: None for alias in ours if alias.asname}
            for parts in (alias.name.split(".") for alias in ours if not alias.asname):
                bound |= {".".join(parts[:depth]): None for depth in range(1, len(parts) + 1)}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES:
            package, *inside = str(node.module).split(".")
            home = _folder_of(package, root).joinpath(*inside)
            for alias in node.names:
                is_module = (home / f"{alias.name}.py").exists() or (home / alias.name / "__init__.py").exists()
                bound[alias.asname or alias.name] = None if is_module else alias.name
        elif isinstance(node, ast.If) and _is_for_types(node.test):
            bound |= _bindings(list(node.body), root)
    return bound


def _local_names(statement: ast.stmt) -> set[str]:
    """The variables and arguments that a statement binds itself, so that they do not stand for an import."""
    nodes = list(ast.walk(statement))
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return stored | {node.arg for node in nodes if isinstance(node, ast.arg)}


def _is_for_types(test: ast.expr) -> bool:
    """Whether `test`, the condition of an `if`, is TYPE_CHECKING."""
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _is_list_of_exports(statement: ast.stmt) -> bool:
    """Whether a statement sets `__all__`, which belongs to the module and not to a definition."""
    return isinstance(statement, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "__all__" for target in statement.targets
    )


class _Cleaner(ast.NodeTransformer):
    """Removes from a top-level statement what changes no score or decision. The result need not be valid Python."""

    def __init__(self, bound: dict[str, str | None]) -> None:
        self._bound = bound
        self._in_class = False

    def visit_Import(self, node: ast.Import) -> None:
        """Remove an import: it only says where a name is defined."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Remove an import: it only says where a name is defined."""

    def visit_Pass(self, node: ast.Pass) -> None:
        """Remove `pass`: a body of `pass` equals a body with a docstring alone."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Remove a bare constant, which is a docstring, or the `...` of a protocol."""
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        """Replace `if TYPE_CHECKING` by the statements of its `else`, as only these run."""
        if not _is_for_types(node.test):
            return self.generic_visit(node)
        visited = (self.visit(statement) for statement in node.orelse)
        return [kept for kept in visited if kept is not None]

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Keep the annotations of fields: dataclasses and pydantic read them."""
        return self._inside(node, in_class=True)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Remove the annotation of the returned type, which changes nothing."""
        node.returns = None
        return self._inside(node, in_class=False)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        """Remove the annotation of the returned type, which changes nothing."""
        node.returns = None
        return self._inside(node, in_class=False)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """Remove the annotation of an argument, which changes nothing."""
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        """Outside of classes, make an annotated assignment a plain one, and remove an annotation without a value."""
        if self._in_class:
            return self.generic_visit(node)
        return None if node.value is None else self.visit(ast.Assign([node.target], node.value))

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Replace `module.name` by `name`, as if the name were imported from the module, if the module is ours."""
        if self._is_module(node.value):
            return ast.Name(node.attr, node.ctx)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Give a name that was imported `as` another name its original name back."""
        return ast.Name(self._bound.get(node.id) or node.id, node.ctx)

    def _inside(self, node: ast.AST, *, in_class: bool) -> ast.AST:
        before, self._in_class = self._in_class, in_class
        try:
            return self.generic_visit(node)
        finally:
            self._in_class = before

    def _is_module(self, node: ast.expr) -> bool:
        """Whether an expression is an imported module of ours, such as `config` or `trainers.config`."""
        dotted = _dotted(node)
        return dotted in self._bound and self._bound[dotted] is None


def _dotted(node: ast.expr) -> str:
    """An expression of names and dots as text: trainers.config. Other expressions give a text that names no module."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""
