"""A path in an address and out of it again is the same path, whatever signs are in it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from search.storage.addresses import (
    anchored,
    file_path,
    file_uri,
    for_mlflow,
    is_of_this_machine,
    is_relative,
    sqlite_path,
    sqlite_uri,
)

ODD = ["my%20runs", "100% mine #1 (näher)", "a'b;c", "what?", "me@home", "a:b", "a b\\c", "sqlite:", "file:x", "%3F?%"]
NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=20)


@pytest.mark.parametrize("name", ODD)
def test_a_folder_of_any_name_is_found_again(name):
    path = Path("/tmp") / name / "mlflow.db"
    assert sqlite_path(sqlite_uri(path)) == path
    assert make_url(sqlite_uri(path)).database == str(path), "as SQLAlchemy reads it"
    assert make_url(for_mlflow(sqlite_uri(path))).database == str(path)
    assert file_path(file_uri(path)) == path
    assert file_path(str(path)) == path


@given(NAMES)
def test_a_path_of_any_signs_survives_both_kinds_of_address(name):
    path = Path("/") / name / "x"
    assert sqlite_path(sqlite_uri(path)) == path
    assert make_url(sqlite_uri(path)).database == str(path)
    assert file_path(file_uri(path)) == path


def test_ordinary_paths_stand_in_addresses_as_they_are():
    """A store that was delivered to before is known by its address."""
    assert sqlite_uri(Path("/home/me/my runs/näher/mlflow.db")) == "sqlite:////home/me/my runs/näher/mlflow.db"


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("sqlite:////a/b.db", "/a/b.db"),
        ("sqlite:////a/b.db?timeout=30", "/a/b.db"),
        ("sqlite+pysqlite:////a%20b/c.db", "/a b/c.db"),
        ("sqlite:///b.db", "b.db"),
        ("sqlite:///file:/a%2520b/c.db?mode=ro&uri=true", "/a b/c.db"),
        ("sqlite:///file:c.db?mode=memory&uri=true", None),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("postgresql://host/b.db", None),
        ("http://host/b.db", None),
    ],
)
def test_the_file_of_a_database_is_taken_out_of_its_address(uri, path):
    assert sqlite_path(uri) == (None if path is None else Path(path))


@pytest.mark.parametrize(
    ("uri", "whole"),
    [
        ("sqlite:///b.db", "sqlite:////w?d/b.db".replace("?", "%3F")),
        ("sqlite:///sub%20x/b.db?timeout=30", "sqlite:////w%3Fd/sub x/b.db?timeout=30"),
        ("sqlite:////a/b.db?timeout=30", "sqlite:////a/b.db?timeout=30"),
        ("sqlite://", "sqlite://"),
        ("file:runs", "file:///w%3Fd/runs"),
        ("file:///runs", "file:///runs"),
        ("./mlruns", "/w?d/mlruns"),
        ("mlruns", "/w?d/mlruns"),
        ("/mlruns", "/mlruns"),
        ("http://host:5000", "http://host:5000"),
        ("databricks", "databricks"),
        ("postgresql+psycopg2://me@host/db", "postgresql+psycopg2://me@host/db"),
    ],
)
def test_a_relative_address_means_the_same_from_everywhere_once_it_is_anchored(uri, whole):
    assert anchored(uri, Path("/w?d")) == whole
    assert anchored(whole, Path("/elsewhere")) == whole
    assert is_relative(uri) == (uri != whole)


def test_a_relative_address_of_sqlites_own_kind_is_anchored_in_its_own_way():
    whole = anchored("sqlite:///file:b.db?mode=ro&uri=true", Path("/w?d"))
    assert sqlite_path(whole) == Path("/w?d/b.db")
    assert whole.endswith("?mode=ro&uri=true")


def test_what_is_of_this_machine_is_known():
    ours = ["sqlite:///x", "sqlite://", "sqlite+pysqlite:////x", "file:x", "./x", "/x", "x"]
    theirs = ["http://h", "https://h", "postgresql://h/d", "databricks", "s3://b/x"]
    assert all(is_of_this_machine(uri) for uri in ours)
    assert not any(is_of_this_machine(uri) for uri in theirs)
