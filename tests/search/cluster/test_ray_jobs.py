"""Who answers at a dashboard's address, and who does not: one line each. See search.cluster.ray_jobs."""

import time

import pytest
import requests
from played_clusters import SUBMIT, TOKEN, one_line

from search.cluster import ray_jobs
from trainers.errors import EnvironmentProblem


@pytest.mark.parametrize("words", [SUBMIT, ["status"], ["logs", "mine", "3"], ["stop", "mine"]], ids=lambda w: w[0])
def test_a_dead_address_is_told_in_seconds(words, typed):
    started = time.monotonic()
    one_line(typed(*words, "--address", "http://127.0.0.1:9"), 3, "nothing answers there (Connection refused)")
    assert time.monotonic() - started < 10


def test_a_server_that_never_answers_is_told_in_seconds(typed, serve, monkeypatch):
    monkeypatch.setattr("search.cluster.ray_jobs.SECONDS", 0.5)
    server = serve(lambda request: (time.sleep(2), (200, "{}"))[1])
    one_line(typed("status", "--address", server.address), 3, "nothing answers there (no answer in 0 s)")


@pytest.mark.parametrize(
    ("status", "body", "token", "words"),
    [
        (401, "Unauthorized", "", "wants a token, and none is set here"),
        (403, "Forbidden", TOKEN, "refuses the token that is set here"),
        (404, "not here", TOKEN, "is no Ray dashboard with Ray Jobs (/api/version gives 404)"),
        (200, "<html>", TOKEN, "is no Ray dashboard with Ray Jobs"),
        (302, "", TOKEN, "is no Ray dashboard with Ray Jobs"),
    ],
)
def test_who_is_no_cluster_or_refuses_us_is_told_in_one_line(status, body, token, words, typed, serve, tmp_path):
    server = serve(lambda request: (status, body))
    environment = {"RAY_AUTH_TOKEN": token, "HOME": str(tmp_path)}
    for command in (SUBMIT, ["status"]):
        one_line(typed(*command, "--address", server.address, **environment), 3, words)
    assert TOKEN not in str(server.asked)


def test_a_dashboard_without_jobs_is_told_in_one_line(typed, serve):
    server = serve(lambda request: (200, '{"ray_version": "2.60.0"}') if "version" in request.path else (404, ""))
    one_line(typed("status", "--address", server.address), 3, "with Ray Jobs (/api/jobs/ gives 404)")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            RuntimeError("Request failed with status code 500: no such job.\nTraceback"),
            "status code 500: no such job.$",
        ),
        (requests.ConnectionError("[Errno 111] Connection refused')"), "nothing answers there any more .Connection"),
        (EnvironmentProblem("as it is"), "^as it is$"),
    ],
)
def test_a_dashboard_that_goes_away_is_one_line(error, said):
    with pytest.raises(EnvironmentProblem, match=said), ray_jobs.answering("http://head:8265"):
        raise error
