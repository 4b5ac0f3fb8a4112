"""The other files of docker/ before the tools that read them: hadolint, Ray's `ray up`, bash."""

import os
import subprocess
import sys
from pathlib import Path

import images
import pytest
import yaml

DOCKER = images.ROOT / "docker"
UP = ("aws", "hosts")


def test_hadolint_has_nothing_to_say():
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DOCKER / "Dockerfile"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_only_what_asks_for_gpus_is_shown_them():
    """Where NVIDIA's runtime is Docker's default, the variable alone gives a container all of them."""
    assert "NVIDIA_VISIBLE_DEVICES" not in (DOCKER / "Dockerfile").read_text()
    options = {name: yaml.safe_load((DOCKER / "ray-up" / f"{name}.yaml").read_text())["docker"] for name in UP}
    shown = "--env NVIDIA_VISIBLE_DEVICES=all"
    assert shown in options["hosts"]["run_options"]
    assert shown in options["aws"]["worker_run_options"]  # the head's resources name none


@pytest.mark.parametrize("name", UP)
def test_ray_accepts_the_ray_up_files(name):
    from ray.autoscaler._private.util import prepare_config, validate_config

    made = prepare_config(yaml.safe_load((DOCKER / "ray-up" / f"{name}.yaml").read_text()))
    validate_config(made)
    assert {"--cap-drop=ALL", "--security-opt=no-new-privileges"} <= set(made["docker"]["run_options"])
    assert made["file_mounts"] == {"/home/afcl/.ray/auth_token": "~/.ray/auth_token"}


@pytest.mark.slow
def test_the_token_that_the_documents_make_is_its_owners_alone(tmp_path):
    files = [DOCKER / "README.md", *(DOCKER / "ray-up").glob("*.yaml")]
    lines = [line for file in files for line in file.read_text().splitlines() if "get-auth-token" in line]
    commands = {line.removeprefix("#").split("  #")[0].strip() for line in lines}
    (command,) = commands
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", f"umask 022; {command}"],
        env={"PATH": path, "HOME": str(tmp_path)},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".ray" / "auth_token").stat().st_mode & 0o777 == 0o600


def test_a_driver_that_joins_becomes_a_node_first(tmp_path):
    for program in ("ray", "afcl"):
        (tmp_path / program).write_text('#!/bin/sh\necho "$(basename "$0") $*"\n')
        (tmp_path / program).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "RAY_JOIN": "head:6379"}
    done = subprocess.run(
        ["bash", DOCKER / "entrypoint", "search", "digits", "--address", "auto"],
        env=environment, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.stdout == "afcl search digits --address auto\n", done.stderr
    assert done.stderr == "ray start --address=head:6379 --num-cpus=0 --num-gpus=0 --object-store-memory=1900000000\n"


def test_no_node_on_aws_takes_the_image_that_ray_would_choose():
    """Which is an Ubuntu of 2018 with a driver that today's torch cannot use."""
    types = yaml.safe_load((DOCKER / "ray-up" / "aws.yaml").read_text())["available_node_types"]
    assert all(kind["node_config"]["ImageId"].startswith("ami-") for kind in types.values())


@pytest.mark.parametrize(
    "file", [DOCKER / "entrypoint", images.ROOT / "tests" / "cluster" / "cluster_in_a_container.sh"]
)
def test_bash_can_read_the_scripts(file):
    done = subprocess.run(["bash", "-n", str(file)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
