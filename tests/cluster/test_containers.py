"""The files of docker/ before the tools that read them: Compose, hadolint, Kubernetes' and Ray's schemas, buildah."""

import contextlib
import copy
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import images
import pytest
import servers
import yaml

DOCKER = images.ROOT / "docker"
KUBERAY = sorted((DOCKER / "kuberay").glob("*.yaml"))
SECRETS = (
    "MLFLOW_ADMIN_PASSWORD",
    "MLFLOW_SECRET_KEY",
    "POSTGRES_PASSWORD",
    "RAY_AUTH_TOKEN",
    "S3_ACCESS_KEY",
    "S3_SECRET_KEY",
)
CRDS = "AFCL_KUBERAY_CRDS"
KEPT = "AFCL_TEST_IMAGES"  # a folder in which the image is kept, and not built again where it is
GIGABYTES = 40  # two copies of an image with CUDA's libraries, and of what it is made of


def tool(name: str) -> str:
    """A program that `make cluster-test` installs beside Python."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (make cluster-test)")
    return found


def compose(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Compose on the file, with no environment file and no variable but these."""
    known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    files = ["-f", str(DOCKER / "compose.yaml")]
    return subprocess.run(
        [tool("docker-compose"), "--env-file", os.devnull, *files, *words],
        env=known | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def composed(*words: str) -> dict:
    done = compose(*words, "config", "--format", "json", **{name: f"a {name}" for name in SECRETS})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("override", [[], ["-f", str(DOCKER / "compose.gpu.yaml")]], ids=["cpu", "gpu"])
@pytest.mark.parametrize("profile", ["", "cli"])
def test_compose_accepts_the_file(profile, override):
    services = composed(*override, *(["--profile", profile] if profile else []))["services"]
    expected = {"ray-head", "ray-worker", "mlflow", "postgres", "s3"}
    assert services.keys() == (expected | {"afcl"} if profile else expected)


@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
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
    assert made["networks"]["store"]["internal"] is True


def test_rays_workers_are_not_told_mlflows_password():
    services = composed("--profile", "*")["services"]
    secret = "a MLFLOW_ADMIN_PASSWORD"
    told = {name for name, service in services.items() if secret in service["environment"].values()}
    assert told == {"ray-head", "mlflow", "afcl"}


def test_every_server_says_how_it_is():
    for name, service in composed()["services"].items():
        assert "healthcheck" in service or "HEALTH_URLS" in service["environment"], name  # the image asks those


def test_workers_ask_for_gpus_with_the_gpu_override():
    worker = composed("-f", str(DOCKER / "compose.gpu.yaml"))["services"]["ray-worker"]
    (device,) = worker["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
    assert worker["build"]["args"]["DEVICE"] == "cuda"


def test_hadolint_has_nothing_to_say():
    done = subprocess.run([tool("hadolint"), str(DOCKER / "Dockerfile")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def documents() -> list[dict]:
    return [document for file in KUBERAY for document in yaml.safe_load_all(file.read_text())]


def clusters() -> dict[str, dict]:
    """The specs of a Ray cluster in the manifests, by the kind that they stand in."""
    found = {document["kind"]: document["spec"] for document in documents()}
    return {"RayCluster": found["RayCluster"], "RayJob": found["RayJob"]["rayClusterSpec"]}


def groups(spec: dict) -> list[dict]:
    return [spec["headGroupSpec"], *spec["workerGroupSpecs"]]


def test_kubernetes_accepts_what_is_its_own():
    if find_spec("kubernetes_validate") is None:
        pytest.skip("kubernetes-validate is not installed (make cluster-test)")
    import kubernetes_validate

    found = documents()
    own = [document for document in found if not document["apiVersion"].startswith("ray.io/")]
    assert {document["kind"] for document in own} == {"PersistentVolumeClaim", "NetworkPolicy"}
    (job,) = [document for document in found if document["kind"] == "RayJob"]
    templates = [group["template"] for spec in clusters().values() for group in groups(spec)]
    for template in [*templates, job["spec"]["submitterPodTemplate"]]:
        own.append({"apiVersion": "v1", "kind": "Pod", **copy.deepcopy(template)})
        own[-1]["metadata"]["name"] = "pod"
    for document in own:
        kubernetes_validate.validate(document, "1.31", strict=True)


@pytest.mark.parametrize("plural", ["rayclusters", "rayjobs"])
def test_kuberay_accepts_what_is_its_own(plural):
    """No package carries KubeRay's schemas, and no copies of them stand here: name a folder that has them."""
    file = Path(os.environ.get(CRDS) or "nowhere") / f"ray.io_{plural}.yaml"
    if not file.exists():
        pytest.skip(f"{CRDS} names no folder with {file.name} (ray-operator/config/crd/bases of a KubeRay release)")
    import jsonschema

    definition = yaml.safe_load(file.read_text())
    (schema,) = [v["schema"]["openAPIV3Schema"] for v in definition["spec"]["versions"] if v["name"] == "v1"]
    _refuse_unknown_fields(schema["properties"]["spec"])
    mine = [document for document in documents() if document["kind"] == definition["spec"]["names"]["kind"]]
    assert mine
    for document in mine:
        jsonschema.Draft202012Validator(schema).validate(document)


def _refuse_unknown_fields(schema: object) -> None:
    """As the API server does with strict field validation, and read Kubernetes' numbers-or-words as it does."""
    if isinstance(schema, list):
        for part in schema:
            _refuse_unknown_fields(part)
    elif isinstance(schema, dict):
        if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema.setdefault("additionalProperties", False)
        if schema.get("x-kubernetes-int-or-string"):
            schema.pop("type", None)
        for part in list(schema.values()):
            _refuse_unknown_fields(part)


@pytest.mark.parametrize("kind", ["RayCluster", "RayJob"])
def test_the_door_of_ray_is_locked_on_kubernetes_too(kind):
    spec = clusters()[kind]
    lock = (images.ROOT / "requirements.lock").read_text()
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["rayVersion"] == re.search(r"^ray==(.*)$", lock, re.MULTILINE)[1]
    for group in groups(spec):
        pod = group["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            assert container["resources"].keys() == {"requests", "limits"}
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    gpu = [g for g in spec["workerGroupSpecs"] if "nvidia.com/gpu" in str(g["template"]["spec"]["containers"])]
    assert spec["enableInTreeAutoscaling"] is True
    assert all(group["minReplicas"] < group["maxReplicas"] for group in gpu)
    assert gpu


@pytest.mark.parametrize(("begun", "expected"), [(False, "search"), (True, "resume")])
def test_the_job_searches_first_and_resumes_when_it_is_applied_again(begun, expected, tmp_path):
    """KubeRay lays the entrypoint bare into its submitter's shell, and Ray writes the words out again for another."""
    (job,) = [document for document in documents() if document["kind"] == "RayJob"]
    laid = shlex.split(job["spec"]["entrypoint"].replace("/shared/results", str(tmp_path)))
    if begun:
        (tmp_path / "fmnist").mkdir()
        (tmp_path / "fmnist" / "search.json").touch()
    stand_in = tmp_path / "afcl"
    stand_in.write_text('#!/bin/sh\necho "$@"\n[ "$1 $2" != "data check" ]\n')
    stand_in.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        subprocess.list2cmdline(laid), shell=True, env={"PATH": path}, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    *before, last = done.stdout.splitlines()
    assert last.startswith(f"{expected} fmnist --address auto")
    assert before == ([] if begun else ["data check fmnist", "data fetch fmnist"])


@pytest.mark.parametrize("name", ["aws", "hosts"])
def test_ray_accepts_the_ray_up_files(name):
    from ray.autoscaler._private.util import prepare_config, validate_config

    made = prepare_config(yaml.safe_load((DOCKER / "ray-up" / f"{name}.yaml").read_text()))
    validate_config(made)
    assert made["file_mounts"] == {"/home/afcl/.ray/auth_token": "~/.ray/auth_token"}


@pytest.mark.parametrize("file", [DOCKER / "entrypoint", Path(__file__).with_name("cluster_in_a_container.sh")])
def test_bash_can_read_the_scripts(file):
    done = subprocess.run(["bash", "-n", str(file)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


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
    worker = services["ray-worker"]["command"].replace("ray-head", "127.0.0.1").replace("${WORKER_CPUS:-2}", "2")
    done = image.run(
        "bash",
        "/cluster.sh",
        volumes={tmp_path: "/results", Path(__file__).with_name("cluster_in_a_container.sh"): "/cluster.sh:ro"},
        timeout=500,
        alone=True,
        HEAD=services["ray-head"]["command"].strip(),
        WORKER=re.sub(r" --dashboard-agent-listen-port=\d+", "", worker),
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
