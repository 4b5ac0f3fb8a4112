"""The words about a cluster that this machine is no part of. See search.cli.cluster."""

import pytest
from played_clusters import SUBMIT
from words import BAD_INPUT


def test_a_cluster_that_nobody_named_is_asked_for(typed):
    refused = typed("status")
    assert refused.returncode == BAD_INPUT
    assert "neither it nor RAY_API_SERVER_ADDRESS is given" in refused.stderr


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["submit", "digits"], "--results: must be the whole path of a folder that all nodes share"),
        (["submit", "digits", "--results", "results"], "but got 'results'"),
        ([*SUBMIT, "--set", "data={dataset: folder, path: images}"], "data.path: must be a whole path on the cluster"),
        (SUBMIT, "--address: give the dashboard of a cluster"),
        ([*SUBMIT, "--address", "head:8265"], "--address: give the dashboard of a cluster"),
        ([*SUBMIT, "--address", "ray://head:10001"], "--address: give the dashboard of a cluster"),
        (["status"], "--address: give the dashboard of a cluster"),
        (["status", "--address", "auto"], "--address: give the dashboard of a cluster"),
        (["search", "digits", "--address", "http://127.0.0.1:8265"], "is a dashboard, which takes `afcl submit`"),
    ],
)
def test_what_is_missing_is_said_before_anybody_is_asked(words, complaint, typed):
    ended = typed(*words)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert complaint in ended.stderr
