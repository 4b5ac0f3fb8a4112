"""Where a number comes from: versions, commit, code, machine."""

from search.storage.provenance import COMMIT_SENT, VERSION_SENT, git_commit, own_version


def test_a_job_has_commit_and_version_from_where_it_was_submitted(monkeypatch):
    monkeypatch.setenv(COMMIT_SENT, "abc")
    monkeypatch.setenv(VERSION_SENT, "1.2.3")
    assert (git_commit(), own_version()) == ("abc", "1.2.3")
