"""docker/kuberay/ before Kubernetes' schemas, and KubeRay's where a folder has them."""

import copy
import os
import re
import shlex
import subprocess
from pathlib import Path

import images
import pytest
import yaml

KUBERAY = sorted((images.ROOT / "docker" / "kuberay").glob("*.yaml"))
CRDS = "AFCL_KUBERAY_CRDS"


def documents() -> list[dict]:
    return [document for file in KUBERAY for document in yaml.safe_load_all(file.read_text())]


def clusters() -> dict[str, dict]:
    """The specs of a Ray cluster in the manifests, by the kind that they stand in."""
    found = {document["kind"]: document["spec"] for document in documents()}
    return {"RayCluster": found["RayCluster"], "RayJob": found["RayJob"]["rayClusterSpec"]}


def groups(spec: dict) -> list[dict]:
    return [spec["headGroupSpec"], *spec["workerGroupSpecs"]]


def test_kubernetes_accepts_what_is_its_own():
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
    locked = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert spec["autoscalerOptions"]["securityContext"] == locked
    for group in groups(spec):
        pod = group["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            assert container["resources"].keys() == {"requests", "limits"}
            assert container["securityContext"] == locked
    gpu = [g for g in spec["workerGroupSpecs"] if "nvidia.com/gpu" in str(g["template"]["spec"]["containers"])]
    others = [group for group in groups(spec) if group not in gpu]
    assert {group["rayStartParams"].get("num-gpus") for group in others} == {"0"}
    assert spec["enableInTreeAutoscaling"] is True
    assert all(group["minReplicas"] < group["maxReplicas"] for group in gpu)
    assert gpu


def test_the_operator_is_let_in_however_it_was_installed():
    """Helm's chart and the plain manifests give it different names, and the same component."""
    (policy,) = [document for document in documents() if document["kind"] == "NetworkPolicy"]
    (_, operator) = policy["spec"]["ingress"][0]["from"]
    assert operator["podSelector"] == {"matchLabels": {"app.kubernetes.io/component": "kuberay-operator"}}


@pytest.mark.parametrize("kind", ["RayCluster", "RayJob"])
def test_rays_object_store_fits_into_shared_memory(kind):
    for group in groups(clusters()[kind]):
        (memory,) = [volume for volume in group["template"]["spec"]["volumes"] if volume["name"] == "memory"]
        assert memory["emptyDir"]["sizeLimit"] == "2Gi"
        assert int(group["rayStartParams"]["object-store-memory"]) < 2 * 2**30


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
