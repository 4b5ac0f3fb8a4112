"""Submitting to what is no cluster, or not for us: one line each. tests/cluster submits to a real one."""

import json
from pathlib import PurePosixPath

import pytest
from own_package import write_package
from played_clusters import SUBMIT, TOKEN, one_line

from search.cluster import job_secrets, submit
from search.storage.provenance import COMMIT_SENT
from spaces.spec import load_spec, parse_spec
from trainers.errors import EnvironmentProblem, InputError


def submitted(typed, dashboard, *words, **environment):
    """Submit; what the cluster was told in public, and what it was handed over."""
    ended = typed(*SUBMIT, *words, "--address", dashboard.address, RAY_AUTH_TOKEN=TOKEN, **environment)
    assert ended.returncode == 0, ended.stderr
    job = dashboard.jobs[-1]
    name = job["runtime_env"]["env_vars"][job_secrets.HANDOVER].removeprefix("gcs://")
    return ended.stdout, job, json.loads(dashboard.packages[name])


@pytest.mark.slow  # Ray's client of jobs takes seconds to import
def test_a_submission_sends_the_code_and_hands_over_the_rest(typed, dashboard, monkeypatch):
    monkeypatch.setattr(submit, "git_commit", lambda: "c" * 40)
    printed, job, told = submitted(
        typed, dashboard, "--set", "search.trials=2", "--name", "far", MLFLOW_TRACKING_PASSWORD="p4ss"
    )
    assert job["submission_id"] == "afcl-far-1"
    assert job["entrypoint"] == "python -P -m search run-job"
    assert len(job["runtime_env"]["py_modules"]) == 3
    assert job["runtime_env"]["env_vars"][COMMIT_SENT] == "c" * 40
    assert told["environment"]["MLFLOW_TRACKING_PASSWORD"] == "p4ss"
    assert told["results"] == "/shared/results"
    assert parse_spec(told["spec"]) == load_spec("digits", ["search.trials=2"], name="far")
    assert "p4ss" not in printed + json.dumps(dashboard.jobs)
    assert TOKEN not in printed + json.dumps(dashboard.jobs) + json.dumps(told)
    assert "MLFLOW_TRACKING_PASSWORD went with it over plain http" in printed
    assert f"afcl status far --address {dashboard.address}" in printed


@pytest.mark.slow
def test_an_address_counts_as_a_secret_where_a_password_is_in_it(typed, dashboard):
    printed, job, _ = submitted(typed, dashboard, MLFLOW_TRACKING_URI="https://me:p4ss@mlflow")
    assert "MLFLOW_TRACKING_URI went with it over plain http" in printed
    assert "p4ss" not in printed + json.dumps(job)
    dashboard.jobs.clear()
    printed, _, _ = submitted(typed, dashboard, MLFLOW_TRACKING_URI="https://mlflow")
    assert "over plain http" not in printed


@pytest.mark.slow
def test_a_store_in_a_folder_of_this_machine_is_refused_as_a_job_has_another(typed, dashboard):
    words = [*SUBMIT, "--tracking-uri", "sqlite:///runs.db", "--address", dashboard.address]
    one_line(typed(*words, RAY_AUTH_TOKEN=TOKEN), 2, "tracking.uri: must be a server's address, or a database by its")
    assert dashboard.jobs == []


@pytest.mark.slow
def test_the_package_of_an_encoder_of_ones_own_goes_with_the_code(typed, dashboard, tmp_path, monkeypatch):
    write_package(tmp_path, "sentparts", monkeypatch)
    _, job, _ = submitted(typed, dashboard, "--set", "model.encoder=sentparts.models:build")
    assert len(job["runtime_env"]["py_modules"]) == 4
    for field in ("model.encoder=absent:build", "search.baselines=[CL, 'absent:loss']"):
        words = [*SUBMIT, "--name", "lacking", "--set", field, "--address", dashboard.address]
        one_line(typed(*words, RAY_AUTH_TOKEN=TOKEN), 2, "no module absent here")
    losses = ["--name", "losses", "--set", "search.baselines=['sentparts.losses:triplet']"]
    _, job, _ = submitted(typed, dashboard, *losses)
    assert len(job["runtime_env"]["py_modules"]) == 4


@pytest.mark.slow
def test_an_image_that_has_the_code_is_sent_none(typed, dashboard):
    _, job, told = submitted(typed, dashboard, "--installed")
    assert "py_modules" not in job["runtime_env"]
    assert told["environment"] == {}


@pytest.mark.slow
def test_the_same_search_is_submitted_once_while_it_runs_and_anew_when_its_job_has_ended(typed, dashboard):
    submitted(typed, dashboard)
    printed, _, _ = submitted(typed, dashboard)
    assert "digits runs there already, as job afcl-digits-1: nothing was submitted" in printed
    assert len(dashboard.jobs) == 1
    words = [*SUBMIT, "--set", "search.trials=3", "--address", dashboard.address]
    one_line(typed(*words, RAY_AUTH_TOKEN=TOKEN), 2, "another search 'digits' runs there")
    dashboard.jobs[0]["status"] = "FAILED"
    submitted(typed, dashboard)
    assert [job["submission_id"] for job in dashboard.jobs] == ["afcl-digits-1", "afcl-digits-2"]


@pytest.mark.slow
def test_ray_address_in_the_environment_leads_no_submission_elsewhere(typed, dashboard):
    submitted(typed, dashboard, RAY_ADDRESS="http://127.0.0.1:9", RAY_API_SERVER_ADDRESS="http://127.0.0.1:9")
    assert len(dashboard.jobs) == 1


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
