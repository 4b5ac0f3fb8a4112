"""docker/compose.yaml before Compose itself."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import images
import pytest

pytestmark = pytest.mark.slow  # each look at the file is a process

DOCKER = images.ROOT / "docker"
GPU = ["-f", str(DOCKER / "compose.gpu.yaml")]
SECRETS = (
    "MLFLOW_ADMIN_PASSWORD",
    "MLFLOW_SECRET_KEY",
    "POSTGRES_PASSWORD",
    "RAY_AUTH_TOKEN",
    "S3_ACCESS_KEY",
    "S3_SECRET_KEY",
)


def compose(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Compose on the file, with no environment file and no variable but these."""
    known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    files = ["-f", str(DOCKER / "compose.yaml")]
    return subprocess.run(
        [str(Path(sys.executable).with_name("docker-compose")), "--env-file", os.devnull, *files, *words],
        env=known | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@cache
def composed(*words: str, parts: Sequence[str] = (), **environment: str) -> dict:
    """What Compose makes of the file, which nobody changes: many tests look at the same."""
    secrets = {name: f"a {name}" for name in SECRETS}
    done = compose(*words, "config", "--format", "json", *parts, **secrets, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("override", [[], GPU], ids=["cpu", "gpu"])
@pytest.mark.parametrize("profile", ["", "cli"])
def test_compose_accepts_the_file(profile, override):
    services = composed(*override, *(["--profile", profile] if profile else []))["services"]
    expected = {"ray-head", "ray-worker", "mlflow", "postgres", "s3"}
    assert services.keys() == (expected | {"afcl"} if profile else expected)


@pytest.mark.parametrize("value", [None, pytest.param("", marks=pytest.mark.slow)], ids=["missing", "empty"])
@pytest.mark.parametrize("secret", SECRETS)
def test_compose_refuses_without_a_secret(secret, value):
    given = {name: f"a {name}" for name in SECRETS if name != secret} | ({} if value is None else {secret: value})
    done = compose("config", "--quiet", **given)
    assert done.returncode != 0
    assert f"required variable {secret} is missing a value" in done.stderr


def test_every_published_port_is_on_the_loopback_address():
    services = composed("--profile", "*")["services"]
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert ports.keys() == {"ray-head", "mlflow"}
    assert {port["host_ip"] for published in ports.values() for port in published} == {"127.0.0.1"}


def test_only_mlflow_shares_a_network_with_the_stores():
    made = composed("--profile", "*")
    beside = {name for name, service in made["services"].items() if "store" in service["networks"]}
    assert beside == {"mlflow", "postgres", "s3"}
    store = made["networks"]["store"]
    assert store["internal"] is True
    assert store["driver_opts"] == {"com.docker.network.bridge.gateway_mode_ipv4": "isolated"}  # from the host too


def test_rays_workers_are_not_told_mlflows_password():
    services = composed("--profile", "*")["services"]
    secret = "a MLFLOW_ADMIN_PASSWORD"
    told = {name for name, service in services.items() if secret in service["environment"].values()}
    assert told == {"ray-head", "mlflow", "afcl"}


@pytest.mark.parametrize("override", [[], GPU], ids=["cpu", "gpu"])
def test_rays_object_store_fits_into_shared_memory_and_isics_images_into_it(override):
    """Ray would move it to /tmp, and what is larger than it to the disk."""
    services = composed(*override, "--profile", "*")["services"]
    for part in ("ray-head", "ray-worker"):
        (store,) = [int(word.split("=")[1]) for word in services[part]["command"] if "--object-store-memory" in word]
        assert 10_015 * 3 * 224 * 224 < store < int(services[part]["shm_size"]), part
    store = composed("--profile", "*", RAY_STORE="7")["services"]["afcl"]["environment"]["RAY_STORE"]
    assert store == "7"  # for the node that the entrypoint starts


def test_every_server_says_how_it_is():
    for name, service in composed()["services"].items():
        assert "healthcheck" in service or "HEALTH_URLS" in service["environment"], name  # the image asks those


def test_one_worker_asks_for_the_gpus_with_the_gpu_override():
    """A second one would reserve the same, and Ray would count them twice."""
    worker = composed(*GPU, WORKERS="4")["services"]["ray-worker"]
    (device,) = worker["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
    assert worker["deploy"]["replicas"] == 1


def test_four_trials_that_share_a_gpu_find_a_cpu_each():
    plain, gpu = (composed(*override)["services"]["ray-worker"] for override in ([], GPU))
    assert [word.replace("--num-cpus=2", "--num-cpus=4") for word in plain["command"]] == gpu["command"]
    assert int(gpu["deploy"]["resources"]["limits"]["memory"]) == 2 * int(
        plain["deploy"]["resources"]["limits"]["memory"]
    )


@pytest.mark.parametrize(("override", "image"), [([], "afcl:latest"), (GPU, "afcl:cuda")], ids=["cpu", "gpu"])
def test_one_part_builds_the_image_of_all(override, image):
    """Compose builds its services at once, and a second one that exports the same tag fails."""
    services = composed(*override, "--profile", "*")["services"]
    ours = {name: service for name, service in services.items() if service["image"] == image}
    assert ours.keys() == {"ray-head", "ray-worker", "mlflow", "afcl"}
    assert {name for name, service in services.items() if "build" in service} == {"mlflow"}
    assert {service["pull_policy"] for service in ours.values()} == {"never"}  # no registry has it
    assert services["mlflow"]["build"]["args"]["DEVICE"] == ("cuda" if override else "cpu")


def test_whichever_part_is_started_first_brings_the_one_that_builds():
    for part in ("ray-head", "ray-worker", "mlflow", "afcl"):
        services = composed("--profile", "*", parts=(part,))["services"]  # with what it depends on
        assert "mlflow" in services, part


@pytest.mark.parametrize(
    ("names", "further"), [({}, ""), ({"MLFLOW_HOSTS": "mlflow.example.com"}, ",mlflow.example.com")], ids=["", "proxy"]
)
def test_the_name_of_a_proxy_locks_nobody_else_out_of_mlflow(names, further):
    words = composed(**names)["services"]["mlflow"]["command"]
    assert words[words.index("--allowed-hosts") + 1] == "mlflow:5000,localhost:5000,127.0.0.1:5000" + further


def test_mlflow_takes_changes_from_the_pages_that_a_proxy_serves():
    origin = "https://mlflow.example.com"
    for told, expected in (({}, ""), ({"MLFLOW_ORIGINS": origin}, origin)):
        environment = composed(**told)["services"]["mlflow"]["environment"]
        assert environment["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"] == expected  # MLflow takes an empty one for none
