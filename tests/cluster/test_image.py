"""The image of docker/Dockerfile, built by buildah and run."""

import contextlib
import json
import os
import re
import shutil
import tempfile
from pathlib import Path

import images
import pytest
import servers
import yaml

DOCKER = images.ROOT / "docker"
KEPT = "AFCL_TEST_IMAGES"  # a folder in which the image is kept, and not built again where it is
GIGABYTES = 40  # two copies of an image with CUDA's libraries, and of what it is made of


@pytest.fixture(scope="module")
def image():
    """The image, built from this tree; some ten minutes on two cores."""
    if (reason := images.missing()) is not None:
        pytest.skip(reason)
    kept = os.environ.get(KEPT)
    if kept and images.Images(Path(kept)).has_image():
        yield images.Images(Path(kept))
        return
    place = kept or os.environ.get("TMPDIR", "/var/tmp")
    if shutil.disk_usage(place).free < GIGABYTES * 1e9:
        pytest.skip(f"the image needs {GIGABYTES} GB free in {place} while it is built")
    with contextlib.ExitStack() as stack:
        folder = kept or stack.enter_context(tempfile.TemporaryDirectory(prefix="afcl-image-", dir=place))
        made = images.Images(Path(folder))
        if not kept:
            stack.callback(made.remove)
        made.make_base()
        done = made.build(DEVICE="cpu")
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        yield made


@pytest.mark.timeout(3600)
def test_the_image_holds_afcl_and_no_tools_to_build_with(image):
    done = image.run("bash", "-c", "id -u; pwd; command -v pip gcc cc git make; true")
    assert done.stdout.split() == ["1000", "/home/afcl"], done.stderr
    done = image.run("entrypoint", "doctor")
    assert "NO  " not in done.stdout.replace("NO  fmnist", ""), done.stdout  # which nobody has fetched yet
    assert "ok  ray" in done.stdout


@pytest.mark.timeout(300)
def test_a_login_shell_finds_all_that_ray_up_calls(image):
    done = image.run("bash", "--login", "-c", "command -v ray afcl ssh rsync")
    assert [Path(found).name for found in done.stdout.split()] == ["ray", "afcl", "ssh", "rsync"], done.stderr


@pytest.mark.timeout(600)
def test_a_search_runs_in_the_image(image, tmp_path):
    tmp_path.chmod(0o777)
    words = ("search", "digits", "--set", "search.trials=3", "--json")
    done = image.run("entrypoint", *words, volumes={tmp_path: "/results"})
    assert done.returncode == 0, done.stderr
    assert sum(trial["state"] == "finished" for trial in json.loads(done.stdout)["trials"]) > 0
    assert (tmp_path / "digits" / "index.html").exists()
    assert (tmp_path / "digits").stat().st_uid == 1000


@pytest.mark.timeout(600)
def test_head_and_worker_let_in_who_has_the_token_and_a_search_joins_them(image, tmp_path):
    tmp_path.chmod(0o777)
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    head, worker = (
        re.sub(r"\$\{\w+:-(\w+)\}", r"\1", services[part]["command"]) for part in ("ray-head", "ray-worker")
    )
    done = image.run(
        "bash",
        "/cluster.sh",
        volumes={tmp_path: "/results", Path(__file__).with_name("cluster_in_a_container.sh"): "/cluster.sh:ro"},
        timeout=500,
        alone=True,
        HEAD=head,
        WORKER=re.sub(r" --dashboard-agent-listen-port=\d+", "", worker.replace("ray-head", "127.0.0.1")),
        RAY_AUTH_TOKEN="of this test alone, and long enough",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "jobs without a token: 401" in done.stdout
    assert "jobs with a wrong token: 403" in done.stdout
    assert "jobs with the token: 200" in done.stdout
    assert "status with a wrong token: AuthenticationError" in done.stdout
    assert "the search is done" in done.stdout


@pytest.mark.timeout(300)
def test_the_image_asks_its_servers_how_they_are(image):
    port = servers.free_port()  # where nobody listens
    assert image.run("python", "/opt/afcl/bin/healthy.py").returncode == 0
    asked = image.run("python", "/opt/afcl/bin/healthy.py", HEALTH_URLS=f"http://127.0.0.1:{port}/")
    assert asked.returncode != 0
