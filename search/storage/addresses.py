"""Conversion between addresses and paths; no other file converts them.

In an address `%` begins an escape and `?` ends the path; in a path they are ordinary characters. So a path becomes an
address by `sqlite_uri` or `file_uri`, and an address a path by `sqlite_path` or `file_path`, never by cutting and
joining text.
"""

import re
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

_SQLITE = re.compile(r"(?P<scheme>sqlite(?:\+\w+)?):///(?P<path>[^?]*)(?P<options>(?:\?.*)?)", re.DOTALL)
_SQLITE_SCHEME = re.compile(r"sqlite(\+\w+)?:")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # one letter before a colon is a drive
_NAMES = ("databricks", "databricks-uc", "uc")  # stores of MLflow's that are named by a word


def sqlite_uri(path: Path) -> str:
    """The address of an sqlite database, as SQLAlchemy 2.1 reads it: all signs but `%` and `?` stand for themselves."""
    return f"sqlite:///{_escaped(str(path.absolute()))}"


def sqlite_path(uri: str) -> Path | None:
    """The file of an sqlite database; None for the address of another store, or of a database in memory."""
    found = _SQLITE.fullmatch(uri)
    if found is None:
        return None
    name, options = unquote(found["path"]), found["options"]
    if _is_of_sqlite(name, options):
        name = "" if "mode=memory" in options else _path_of(name)
    return Path(name) if name not in ("", ":memory:") else None


def file_uri(path: Path) -> str:
    """The address of a folder or file of this machine."""
    return path.absolute().as_uri()


def file_path(uri: str) -> Path | None:
    """The path that an address `file:…`, or a plain path, means; None for other addresses."""
    if uri.startswith("file:"):
        return Path(_path_of(uri))
    return None if _SCHEME.match(uri) or uri in _NAMES else Path(uri)


def anchored(uri: str, folder: Path) -> str:
    """The address made absolute, relative to `folder`.

    Options of a database (`?timeout=30`) stay. Other addresses are left alone.
    """
    if (database := sqlite_path(uri)) is not None:
        if database.is_absolute():
            return uri
        found, there = _SQLITE.fullmatch(uri), str((folder / database).absolute())
        assert found is not None, "sqlite_path has read it"
        of_sqlite = _is_of_sqlite(unquote(found["path"]), found["options"])
        path = f"file:{_escaped(quote(there))}" if of_sqlite else _escaped(there)
        return f"{found['scheme']}:///{path}{found['options']}"
    file = file_path(uri) if _SQLITE.fullmatch(uri) is None else None
    if file is None or file.is_absolute():
        return uri
    whole = (folder / file).absolute()
    return file_uri(whole) if uri.startswith("file:") else str(whole)


def is_of_this_machine(uri: str) -> bool:
    """Whether an address is of a database or folder of this machine."""
    return _SQLITE_SCHEME.match(uri) is not None or file_path(uri) is not None


def is_relative(uri: str) -> bool:
    """Whether an address is relative to the current folder."""
    return anchored(uri, Path("/")) != uri


def for_mlflow(uri: str) -> str:
    """An address in the form that MLflow needs.

    MLflow makes the folder of a `sqlite:///` database without reading its escapes, so that one in `my%20runs` would
    leave an empty `my%2520runs` beside it. It leaves that to the caller where the driver is named.
    """
    has_more = "%" in uri or uri.startswith("sqlite:///file:")
    return uri.replace("sqlite:", "sqlite+pysqlite:", 1) if uri.startswith("sqlite:///") and has_more else uri


def _escaped(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3F")


def _path_of(file_uri: str) -> str:
    return unquote(urlsplit(file_uri).path)


def _is_of_sqlite(name: str, options: str) -> bool:
    """Whether a database is named by an address of sqlite's own kind, `file:…?uri=true`."""
    return name.startswith("file:") and parse_qs(options.removeprefix("?")).get("uri") in (["true"], ["1"])
