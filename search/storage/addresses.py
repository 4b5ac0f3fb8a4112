"""Conversion between addresses and paths; no other file converts them.

In an address `%` begins an escape and `?` ends the path; in a path they are ordinary characters. So `sqlite_uri` and
`file_uri` turn a path into an address, and `sqlite_path` and `file_path` turn an address into a path. To join or cut
the texts would be wrong.
"""

import re
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

_SQLITE = re.compile(r"(?P<scheme>sqlite(?:\+\w+)?):///(?P<path>[^?]*)(?P<options>(?:\?.*)?)", re.DOTALL)
_SQLITE_SCHEME = re.compile(r"sqlite(\+\w+)?:")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # a single letter before a colon is a drive of Windows
_NAMES = ("databricks", "databricks-uc", "uc")  # MLflow stores whose address is one of these words


def sqlite_uri(path: Path) -> str:
    """The address of the sqlite database in the file `path`, as SQLAlchemy 2.1 reads it: `%` and `?` are escaped."""
    return f"sqlite:///{_escaped(str(path.absolute()))}"


def sqlite_path(uri: str) -> Path | None:
    """The file of the sqlite database at `uri`; None if `uri` is of another store, or of a database in memory."""
    found = _SQLITE.fullmatch(uri)
    if found is None:
        return None
    name, options = unquote(found["path"]), found["options"]
    if _is_of_sqlite(name, options):
        name = "" if "mode=memory" in options else _path_of(name)
    return Path(name) if name not in ("", ":memory:") else None


def file_uri(path: Path) -> str:
    """The `file:` address of a folder or file on this machine."""
    return path.absolute().as_uri()


def file_path(uri: str) -> Path | None:
    """The path in a `file:…` address. A plain path is returned as a Path. None for other addresses."""
    if uri.startswith("file:"):
        return Path(_path_of(uri))
    return None if _SCHEME.match(uri) or uri in _NAMES else Path(uri)


def anchored(uri: str, folder: Path) -> str:
    """The address `uri` with an absolute path: a relative path in `uri` is taken as relative to `folder`.

    Options of a database (`?timeout=30`) are kept. An address without a relative path is returned unchanged.
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
    """Whether `uri` is the address of an sqlite database, or of a folder or file on this machine."""
    return _SQLITE_SCHEME.match(uri) is not None or file_path(uri) is not None


def is_relative(uri: str) -> bool:
    """Whether the path in an address is relative to the current folder."""
    return anchored(uri, Path("/")) != uri


def for_mlflow(uri: str) -> str:
    """The store's address `uri`, with `sqlite+pysqlite:` instead of `sqlite:` if MLflow would misread its path.

    MLflow creates the folder of a `sqlite:///` database from the address as text. If the path is escaped or begins
    with `file:`, that would be an empty folder of the wrong name. If the address names the database's driver
    (pysqlite), MLflow creates no folder.
    """
    has_more = "%" in uri or uri.startswith("sqlite:///file:")
    return uri.replace("sqlite:", "sqlite+pysqlite:", 1) if uri.startswith("sqlite:///") and has_more else uri


def _escaped(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3F")


def _path_of(file_uri: str) -> str:
    return unquote(urlsplit(file_uri).path)


def _is_of_sqlite(name: str, options: str) -> bool:
    """Whether a database is named by a URI of SQLite's own: `name` begins with `file:`, and an option is `uri=true`."""
    return name.startswith("file:") and parse_qs(options.removeprefix("?")).get("uri") in (["true"], ["1"])
