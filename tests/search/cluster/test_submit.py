"""Submitting to what is no cluster, or not for us: one line each. tests/cluster submits to a real one."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath

import pytest
import requests

from search.cluster import job_secrets, ray_jobs, submit
from search.cluster.job_secrets import credentials
from search.storage.provenance import COMMIT_SENT, VERSION_SENT, git_commit, own_version
from spaces.spec import load_spec, parse_spec
from trainers.errors import EnvironmentProblem, InputError

TOKEN = "t" * 40
SUBMIT = ["submit", "digits", "--results", "/shared/results"]


class Server:
    """Answers every request with the same, or as a function of the request says."""

    def __init__(self, answer):
        self.asked = asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                length = int(self.headers.get("Content-Length") or 0)
                asked.append((self.command, self.path, self.rfile.read(length)))
                status, body = answer(self)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode())

            do_POST = do_PUT = do_GET  # noqa: N815

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serve():
    servers = []

    def begin(answer):
        servers.append(Server(answer))
        return servers[-1]

    yield begin
    for server in servers:
        server.close()


def one_line(ended, code, words):
    assert ended.returncode == code
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert words in ended.stderr


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["submit", "digits"], "--results: must be the whole path of a folder that the cluster's nodes share"),
        (["submit", "digits", "--results", "results"], "but got 'results'"),
        ([*SUBMIT, "--set", "data={dataset: folder, path: images}"], "data.path: must be a whole path on the cluster"),
        (SUBMIT, "--address: http://HEAD:8265 is wanted"),
        ([*SUBMIT, "--address", "head:8265"], "--address: http://HEAD:8265 is wanted"),
        ([*SUBMIT, "--address", "ray://head:10001"], "--address: http://HEAD:8265 is wanted"),
        (["status"], "--address: http://HEAD:8265 is wanted"),
        (["status", "--address", "auto"], "--address: http://HEAD:8265 is wanted"),
        (["search", "digits", "--address", "http://127.0.0.1:8265"], "is a dashboard, which takes `afcl submit`"),
    ],
)
def test_what_is_missing_is_said_before_anybody_is_asked(words, complaint, typed):
    ended = typed(*words)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert complaint in ended.stderr


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


def test_only_what_tracking_needs_goes_along_and_no_store_of_this_machine():
    found = credentials(
        {"MLFLOW_TRACKING_PASSWORD": "p", "AWS_SECRET_ACCESS_KEY": "k", "HOME": "/root", "RAY_AUTH_TOKEN": "t"}
    )
    assert found == {"MLFLOW_TRACKING_PASSWORD": "p", "AWS_SECRET_ACCESS_KEY": "k"}
    assert credentials({"MLFLOW_TRACKING_URI": "sqlite:////home/me/mlflow.db"}) == {}
    assert credentials({"MLFLOW_TRACKING_URI": "https://mlflow"}) == {"MLFLOW_TRACKING_URI": "https://mlflow"}


class Cluster:
    """A dashboard that takes packages and jobs, and remembers them."""

    def __init__(self, serve):
        self.jobs, self.packages = [], {}
        self._server = serve(self._answer)
        self.address = self._server.address

    def _answer(self, request):
        method, path, body = self._server.asked[-1]
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, ""
        if path == "/api/version":
            return 200, json.dumps({"version": "4", "ray_version": "2.60.0", "ray_commit": "", "session_name": "s"})
        if path.startswith("/api/packages/"):
            name = path.rpartition("/")[2]
            if method == "PUT":
                self.packages[name] = body
            return (200, "") if name in self.packages else (404, "")
        if method == "POST":
            self.jobs.append(json.loads(body) | {"status": "RUNNING", "type": "SUBMISSION", "start_time": 1})
            name = self.jobs[-1]["submission_id"]
            return 200, json.dumps({"job_id": name, "submission_id": name})
        return 200, json.dumps(self.jobs)


@pytest.fixture
def cluster(serve):
    return Cluster(serve)


def submitted(typed, cluster, *words, **environment):
    """Submit; what the cluster was told in public, and what it was handed over."""
    ended = typed(*SUBMIT, *words, "--address", cluster.address, RAY_AUTH_TOKEN=TOKEN, **environment)
    assert ended.returncode == 0, ended.stderr
    job = cluster.jobs[-1]
    name = job["runtime_env"]["env_vars"][job_secrets.HANDOVER].removeprefix("gcs://")
    return ended.stdout, job, json.loads(cluster.packages[name])


@pytest.mark.slow  # Ray's client of jobs takes seconds to import
def test_a_submission_sends_the_code_and_hands_over_the_rest(typed, cluster, monkeypatch):
    monkeypatch.setattr(submit, "git_commit", lambda: "c" * 40)
    printed, job, told = submitted(
        typed, cluster, "--set", "search.trials=2", "--name", "far", MLFLOW_TRACKING_PASSWORD="p4ss"
    )
    assert job["submission_id"] == "afcl-far-1"
    assert job["entrypoint"] == "python -P -m search run-job"
    assert len(job["runtime_env"]["py_modules"]) == 3
    assert job["runtime_env"]["env_vars"][COMMIT_SENT] == "c" * 40
    assert told["environment"]["MLFLOW_TRACKING_PASSWORD"] == "p4ss"
    assert told["results"] == "/shared/results"
    assert parse_spec(told["spec"]) == load_spec("digits", ["search.trials=2"], name="far")
    assert "p4ss" not in printed + json.dumps(cluster.jobs)
    assert TOKEN not in printed + json.dumps(cluster.jobs) + json.dumps(told)
    assert "MLFLOW_TRACKING_PASSWORD went with it over plain http" in printed
    assert f"afcl status far --address {cluster.address}" in printed


@pytest.mark.slow
def test_an_address_counts_as_a_secret_where_a_password_is_in_it(typed, cluster):
    printed, job, _ = submitted(typed, cluster, MLFLOW_TRACKING_URI="https://me:p4ss@mlflow")
    assert "MLFLOW_TRACKING_URI went with it over plain http" in printed
    assert "p4ss" not in printed + json.dumps(job)
    cluster.jobs.clear()
    printed, _, _ = submitted(typed, cluster, MLFLOW_TRACKING_URI="https://mlflow")
    assert "over plain http" not in printed


@pytest.mark.slow
def test_a_store_in_a_folder_of_this_machine_is_refused_as_a_job_has_another(typed, cluster):
    words = [*SUBMIT, "--tracking-uri", "sqlite:///runs.db", "--address", cluster.address]
    one_line(typed(*words, RAY_AUTH_TOKEN=TOKEN), 2, "tracking.uri: must be a server's address, or a database by its")
    assert cluster.jobs == []


@pytest.mark.slow
def test_an_image_that_has_the_code_is_sent_none(typed, cluster):
    _, job, told = submitted(typed, cluster, "--installed")
    assert "py_modules" not in job["runtime_env"]
    assert told["environment"] == {}


@pytest.mark.slow
def test_the_same_search_is_submitted_once_while_it_runs_and_anew_when_its_job_has_ended(typed, cluster):
    submitted(typed, cluster)
    printed, _, _ = submitted(typed, cluster)
    assert "digits runs there already, as job afcl-digits-1: nothing was submitted" in printed
    assert len(cluster.jobs) == 1
    words = [*SUBMIT, "--set", "search.trials=3", "--address", cluster.address]
    one_line(typed(*words, RAY_AUTH_TOKEN=TOKEN), 2, "another search 'digits' runs there")
    cluster.jobs[0]["status"] = "FAILED"
    submitted(typed, cluster)
    assert [job["submission_id"] for job in cluster.jobs] == ["afcl-digits-1", "afcl-digits-2"]


@pytest.mark.slow
def test_ray_address_in_the_environment_leads_no_submission_elsewhere(typed, cluster):
    submitted(typed, cluster, RAY_ADDRESS="http://127.0.0.1:9", RAY_API_SERVER_ADDRESS="http://127.0.0.1:9")
    assert len(cluster.jobs) == 1


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


def test_a_job_has_commit_and_version_from_where_it_was_submitted(monkeypatch):
    monkeypatch.setenv(COMMIT_SENT, "abc")
    monkeypatch.setenv(VERSION_SENT, "1.2.3")
    assert (git_commit(), own_version()) == ("abc", "1.2.3")


def test_of_what_a_search_printed_the_line_that_tells_how_it_stands_is_shown():
    assert submit._last_word("0:01  3 of 9 trials ended\nthe search is done: 9 finished\nnext  afcl export") == (
        "the search is done: 9 finished"
    )
    assert submit._last_word("joining Ray at auto\nafcl: the disk is full\n") == "afcl: the disk is full"
    assert submit._last_word("joining Ray at auto\n") == "joining Ray at auto"
    assert submit._last_word("") == ""


def test_a_folder_of_results_must_be_a_path_of_the_clusters():
    with pytest.raises(InputError, match="whole path"):
        submit.submit(load_spec("digits"), address=None, results=PurePosixPath("here"))


def test_a_submitted_search_needs_no_shared_folder_where_it_has_a_store(monkeypatch, uri):
    """It is the cluster that is missing then."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.delenv("RAY_API_SERVER_ADDRESS", raising=False)
    with pytest.raises(InputError, match=r"--results: must be the whole path.*; or name a --storage"):
        submit.submit(load_spec("digits"), address=None, results=None)
    spec = load_spec("digits", [f"storage.uri={json.dumps(uri)}"])
    with pytest.raises((InputError, EnvironmentProblem), match="address"):
        submit.submit(spec, address=None, results=None)
