"""A search submitted to a Ray of several nodes that share no folder, only an S3 store; then all of them are lost."""

import json
import shutil
import subprocess
import time
from importlib.util import find_spec

import pytest
from rays import AFCL, CODE, Network, RayCluster
from s3 import BUCKET, S3

from search.algorithms.proposer import planned_trials
from search.storage.search_folder import SearchFolder
from spaces.spec import load_spec

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(find_spec("moto") is None, reason="needs moto, of the extra cluster-test"),
]

SETS = ["search.trials=5", "search.sampler=random", "search.scheduler.name=none", "representation.epochs=40"]
SPEC = ["digits", *(word for one in SETS for word in ("--set", one))]
TRIALS, LAST = planned_trials(load_spec("digits", SETS)), load_spec("digits", SETS).base.last_epoch
BOUND = 3.0  # seconds: one, and a busy machine's request
URI = f"s3://{BUCKET}/cluster"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The home that the head's job has; every node sees an empty one of its own in its place."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, home):
    network = Network()
    if not network.has_cables:
        network.close()
        pytest.skip("needs network namespaces, whose processes have mounts of their own")
    cluster = server = None
    try:
        server = S3(tmp_path_factory.mktemp("s3") / "server.log", network.host())
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (server.variables | {"HOME": str(home)}).items():
                patch.setenv(name, value)
            cluster = RayCluster(tmp_path_factory.mktemp("cluster"), network)
            for _ in range(2):
                cluster.add_node(before=f"mount -t tmpfs tmpfs {home}")
            yield cluster
    finally:
        network.close() if cluster is None else cluster.close()
        if server is not None:
            server.close()


def submit(cluster):
    done = cluster.afcl("submit", *SPEC, "--name", "far", "--storage", URI)
    assert done.returncode == 0, done.stderr


def state(cluster):
    return json.loads(cluster.afcl("status", "far", "--json").stdout)[0]["state"]


def on_the_laptop(cluster, *words):
    """A word of ours on a host that is no part of the cluster, as one with the store's credentials."""
    command = cluster.laptop.command(*AFCL, *words)
    environment = cluster.environment(PYTHONPATH=str(CODE))
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, cwd=cluster.log)


def test_a_submitted_search_needs_no_shared_folder_and_outlives_its_cluster(cluster, home, tmp_path):
    submit(cluster)
    there = SearchFolder(home / ".cache" / "afcl" / "results" / "far")
    deadline = time.monotonic() + 400
    while not there.journal.exists() or there.journal.read_bytes().count(b'"result"') < 60:
        assert time.monotonic() < deadline, cluster.afcl("logs", "far").stdout[-3000:]
        time.sleep(0.2)
    assert not there.path.joinpath("trials").exists(), "its trials write to the store alone"
    known, killed_at = there.journal.read_bytes(), time.time()
    cluster.kill_head()
    shutil.rmtree(home / ".cache")

    cluster.start_head()
    for _ in range(2):
        cluster.add_node(before=f"mount -t tmpfs tmpfs {home}")
    submit(cluster)
    deadline = time.monotonic() + 500
    while state(cluster) in ("pending", "running"):
        assert time.monotonic() < deadline, cluster.afcl("logs", "far").stdout[-3000:]
        time.sleep(2)
    assert state(cluster) == "done", cluster.afcl("logs", "far").stdout[-3000:]
    logs = cluster.afcl("logs", "far", "0")
    assert logs.stdout.count(f"epoch {LAST}:") == 1, logs.stderr

    results = tmp_path / "laptop"
    brought = on_the_laptop(cluster, "resume", "far", "--storage", URI, "--results", str(results))
    assert brought.returncode == 0, brought.stderr
    folder = SearchFolder(results / "far")
    events = [json.loads(line) for line in folder.journal.read_bytes().splitlines()]
    told = [(event["trial"], event["epoch"]) for event in events if event["event"] == "result"]
    assert sorted(told) == [(trial, epoch) for trial in range(TRIALS) for epoch in range(1, LAST + 1)]
    assert [event["event"] for event in events].count("start") == 2
    lines = known.splitlines(keepends=True)
    safe = [line for line in lines if line.endswith(b"\n") and json.loads(line)["time"] < 1000 * (killed_at - BOUND)]
    assert folder.journal.read_bytes().startswith(b"".join(safe))
    exported = on_the_laptop(cluster, "export", "far", "--results", str(results))
    assert exported.returncode == 0, exported.stderr
    assert (folder.path / "best-1.pt").exists()
