"""What a submitted search is told, and nobody else."""

import json
import re

import pytest
from played_clusters import TOKEN
from ray.exceptions import RayError

from search.cluster import ray_internals
from search.cluster.job_secrets import (
    HANDOVER,
    credentials,
    hand_over,
    of_stores,
    ray_address,
    secrets_among,
    take_over,
)
from trainers.errors import EnvironmentProblem


def test_only_what_tracking_needs_goes_along_and_no_store_of_this_machine():
    found = credentials(
        {"MLFLOW_TRACKING_PASSWORD": "p", "AWS_SECRET_ACCESS_KEY": "k", "HOME": "/root", "RAY_AUTH_TOKEN": "t"}
    )
    assert found == {"MLFLOW_TRACKING_PASSWORD": "p", "AWS_SECRET_ACCESS_KEY": "k"}
    assert credentials({"MLFLOW_TRACKING_URI": "sqlite:////home/me/mlflow.db"}) == {}
    assert credentials({"MLFLOW_TRACKING_URI": "https://mlflow"}) == {"MLFLOW_TRACKING_URI": "https://mlflow"}


def test_what_is_a_stores_alone_goes_to_who_only_reads():
    told = {"MLFLOW_TRACKING_PASSWORD": "p", "AWS_SECRET_ACCESS_KEY": "k", "AWS_REGION": "there", "HOME": "/root"}
    assert of_stores(told) == {"AWS_SECRET_ACCESS_KEY": "k", "AWS_REGION": "there"}


def test_an_address_is_a_secret_where_a_password_is_in_it():
    told = {"MLFLOW_TRACKING_URI": "https://mlflow", "AWS_REGION": "there", "MLFLOW_TRACKING_TOKEN": "t"}
    assert secrets_among(told) == {"MLFLOW_TRACKING_TOKEN"}
    assert secrets_among({"MLFLOW_TRACKING_URI": "https://me:p4ss@mlflow"}) == {"MLFLOW_TRACKING_URI"}


def test_what_is_handed_over_goes_by_a_name_that_nobody_can_guess(dashboard):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    names = {hand_over(dashboard.address, headers, {"spec": "name: a"}) for _ in range(2)}
    assert len(names) == 2
    assert all(re.fullmatch(r"gcs://_ray_pkg_[0-9a-f]{32}\.zip", name) for name in names)
    kept = [json.loads(package) for package in dashboard.packages.values()]
    assert kept == [{"spec": "name: a"}] * 2


def test_a_head_that_takes_no_package_is_one_line(dashboard):
    with pytest.raises(EnvironmentProblem, match=r"--address http://127\.0\.0\.1:\d+: takes no package \(401\)"):
        hand_over(dashboard.address, {}, {})


@pytest.fixture
def head(monkeypatch):
    """The memory of a cluster's head, in which a job finds things by their names."""
    kept = {}
    monkeypatch.setattr(ray_internals, "take_from_head", lambda address, name, seconds: kept.pop(name, None))
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    monkeypatch.setenv(HANDOVER, "gcs://name")
    return kept


def test_a_job_takes_what_was_handed_over_and_nobody_takes_it_twice(head):
    head[b"gcs://name"] = b'{"spec": "name: a"}'
    assert take_over() == {"spec": "name: a"}
    with pytest.raises(EnvironmentProblem, match="or it was taken before"):
        take_over()


def test_a_head_that_does_not_answer_is_one_line(head, monkeypatch):
    def silent(*_):
        raise RayError("no answer\nfrom C++")

    monkeypatch.setattr(ray_internals, "take_from_head", silent)
    with pytest.raises(EnvironmentProblem, match=r"^the cluster's head does not answer \(no answer\)$"):
        take_over()


def test_what_is_no_job_says_what_makes_one(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(EnvironmentProblem, match="only in a job that `afcl submit` has started"):
        ray_address()
