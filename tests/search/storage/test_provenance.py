"""Where a number comes from: versions, commit, code, machine."""

import tomllib
from importlib import metadata
from pathlib import Path

from search.storage import provenance
from search.storage.provenance import COMMIT_SENT, VERSION_SENT, git_commit, own_version

PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]


def test_a_job_has_commit_and_version_from_where_it_was_submitted(monkeypatch):
    monkeypatch.setenv(COMMIT_SENT, "abc")
    monkeypatch.setenv(VERSION_SENT, "1.2.3")
    assert (git_commit(), own_version()) == ("abc", "1.2.3")


def test_a_checkout_has_its_own_version_whatever_was_installed_before(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name: "0.0.1")
    assert own_version() == PROJECT["version"]


def test_an_installed_package_has_the_version_that_was_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(metadata, "version", lambda name: "0.0.1")
    monkeypatch.setattr(provenance, "code_folder", lambda: tmp_path)
    assert own_version() == "0.0.1"
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "of-the-folder-around"\nversion = "9"\n')
    assert own_version() == "0.0.1"
