"""Searches submitted from a laptop to a real Ray of several nodes behind a token: watched, cut, killed, resumed."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sockets
from killing import descendants
from own_package import write_package
from rays import CODE, running
from run import complete

from search.storage.search_folder import SearchFolder

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

# three proposals of the random sampler and three baselines, none stopped: scores do not depend on what ran when
SPEC = ["digits", "--set", "search.trials=3", "--set", "search.sampler=random", "--set", "search.scheduler.name=none"]
EPOCHS = ["--set", "representation.epochs=100"]
TRIALS = 6


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A head, two nodes, and a folder that all of them share."""
    with running(tmp_path_factory.mktemp("cluster"), nodes=2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def alone(cluster, shared) -> SearchFolder:
    """A search that had the cluster to itself, undisturbed."""
    submit(cluster, shared, "alone")
    return finished(cluster, shared, "alone")


def submit(cluster, shared, name, *words, packages=None, **variables):
    given = [*SPEC, *EPOCHS, "--name", name, "--results", str(shared), *words]
    done = cluster.afcl("submit", *given, packages=packages, **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout


def state(cluster, name) -> dict:
    done = cluster.afcl("status", name, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)[0]


def finished(cluster, shared, name, seconds=500.0) -> SearchFolder:
    """Wait for the search; nothing of it may be lost or doubled, in the journal and in MLflow."""
    folder, deadline = SearchFolder(shared / name), time.monotonic() + seconds
    while state(cluster, name)["state"] in ("pending", "running"):
        assert time.monotonic() < deadline, cluster.afcl("logs", name).stdout[-3000:]
        time.sleep(10)  # to ask takes seconds of a core
    assert state(cluster, name)["state"] == "done", cluster.afcl("logs", name).stdout[-3000:]
    counted = complete(folder, TRIALS)
    assert all(counted.values()), counted
    return folder


def begun(folder, results=40, seconds=240.0):
    """Wait until a search has so many lines in its journal."""
    deadline = time.monotonic() + seconds
    while not folder.journal.exists() or folder.journal.read_bytes().count(b"\n") < results:
        assert time.monotonic() < deadline, f"{folder.name} has not begun"
        time.sleep(0.1)


def scores(folder):
    return {trial.number: trial.score for trial in folder.history().trials.values()}


def places(folder) -> dict[int, str | None]:
    """Where each trial was tried last."""
    return {number: folder.trial(number).noted_node() for number in folder.history().trials}


def test_a_submitted_search_can_be_watched_and_is_not_begun_twice(cluster, shared):
    """While it runs the same submission changes nothing; another search of its name is refused."""
    told = submit(cluster, shared, "watched")
    assert "watched is job afcl-watched-1" in told
    assert "afcl status watched --address http://" in told
    assert "runs there already, as job afcl-watched-1" in submit(cluster, shared, "watched")
    other = cluster.afcl("submit", *SPEC, "--name", "watched", "--results", str(shared))
    assert (other.returncode, other.stderr.count("\n")) == (2, 1)
    assert "another search 'watched' runs there" in other.stderr
    folder = SearchFolder(shared / "watched")
    begun(folder)
    assert state(cluster, "watched")["state"] == "running"
    assert "watched" in cluster.afcl("status").stdout
    assert "epoch 1: val_balanced_accuracy" in cluster.afcl("logs", "watched", "0").stdout
    missing = cluster.afcl("logs", "watched", "99")
    assert (missing.returncode, missing.stderr) == (2, "afcl: search watched has no trial 99\n")
    finished(cluster, shared, "watched")
    log = cluster.afcl("logs", "watched").stdout
    assert "6 of 6 trials ended" in log
    assert "the search is done: 6 finished" in log
    assert folder.about()["provenance"]["git_commit"] is not None
    assert "is complete" in _resubmitted(cluster, shared, "watched")


def _resubmitted(cluster, shared, name) -> str:
    assert f"{name} is job afcl-{name}-2" in submit(cluster, shared, name)
    finished(cluster, shared, name)
    return cluster.afcl("logs", name).stdout


def test_a_stopped_search_goes_on_when_it_is_submitted_again(cluster, shared, alone):
    submit(cluster, shared, "paused")
    folder = SearchFolder(shared / "paused")
    begun(folder)
    stopped = cluster.afcl("stop", "paused")
    assert stopped.stdout == "paused is stopped; `afcl submit` it again to go on\n", stopped.stderr
    assert folder.history().closed["reason"] == "interrupted"  # tidily, not killed
    again = cluster.afcl("stop", "paused")
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    _resubmitted(cluster, shared, "paused")
    assert len(folder.history().sessions) == 2
    assert scores(folder) == scores(alone)


OWN = ["data={dataset: 'userparts.data:load', val_per_class: 15}", "model.encoder=userparts.models:build"]
OWN += ["loss.name=userparts.losses:triplet", "space={own_loss.triplet.margin: {uniform: [0.1, 0.9]}}"]
OWN += ["search.sampler=userparts.samplers:propose", "search.baselines=[CL, FCL, 'userparts.losses:asks']"]
OWN += ["representation.epochs=4", "search.final=null"]


def test_a_package_of_ones_own_goes_with_the_search_to_nodes_that_lack_it(cluster, shared, tmp_path, monkeypatch):
    """Every node reads its dataset, builds its encoder and computes its losses; its sampler proposes on the head."""
    packages = write_package(tmp_path / "site", "userparts", monkeypatch).parent
    words = [word for one in OWN for word in ("--set", one)]
    submit(cluster, shared, "own", *words, packages=packages)
    folder = finished(cluster, shared, "own")
    assert {trial.state for trial in folder.history().trials.values()} == {"finished"}
    assert len(set(places(folder).values())) == 2, "both nodes had trials"
    assert folder.spec().model.encoder.startswith("userparts.models:build#sha256=")
    without = cluster.afcl("submit", *SPEC, *words, "--name", "lacking", "--results", str(shared))
    assert (without.returncode, without.stderr.count("\n")) == (2, 1)
    assert "userparts" in without.stderr


def test_what_is_secret_is_in_no_log_and_shown_to_nobody(cluster, shared, alone):
    """A name and a password of a tracking server go with the search, and can be found nowhere afterwards."""
    secret = {"MLFLOW_TRACKING_USERNAME": "somebody", "MLFLOW_TRACKING_PASSWORD": "a-password-to-look-for"}
    told = submit(cluster, shared, "secretive", **secret, MLFLOW_TRACKING_URI="http://10.77.0.250:5000")
    assert "MLFLOW_TRACKING_PASSWORD" in told
    assert secret["MLFLOW_TRACKING_PASSWORD"] not in told
    folder = SearchFolder(shared / "secretive")
    begun(folder, 3)
    (driver,) = [
        pid
        for pid in descendants(cluster.nodes[cluster.head.address].pid)
        if b"\0search\0run-job" in _read(f"/proc/{pid}/cmdline")
    ]
    for pid in descendants(cluster.nodes[cluster.head.address].pid):
        assert secret["MLFLOW_TRACKING_PASSWORD"].encode() not in _read(f"/proc/{pid}/cmdline")
    assert cluster.token.encode() not in _read(f"/proc/{driver}/cmdline")
    shown = _jobs(cluster)
    assert "afcl-secretive-1" in shown
    assert secret["MLFLOW_TRACKING_PASSWORD"] not in shown
    assert cluster.token not in shown
    assert cluster.afcl("stop", "secretive").returncode == 0
    logs = [*_session(cluster).rglob("*"), *folder.path.rglob("*")]
    for file in logs:
        if file.is_file() and not file.is_socket():
            assert secret["MLFLOW_TRACKING_PASSWORD"].encode() not in file.read_bytes(), file
    assert len(logs) > 20


def _read(path) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # of /proc, which may be gone
            return file.read()
    except OSError:
        return b""


def _session(cluster) -> Path:
    """The folder of the head's Ray."""
    for pid in descendants(cluster.nodes[cluster.head.address].pid):
        for word in _read(f"/proc/{pid}/cmdline").decode().split("\0"):
            if word.startswith("--session-dir="):
                return Path(word.partition("=")[2])
    raise AssertionError("no process of the head names its session")


def _jobs(cluster) -> str:
    """What Ray's own client shows of the jobs, asked from the laptop."""
    asked = (
        "import sys; from ray.job_submission import JobSubmissionClient;"
        "print([job.model_dump_json() for job in JobSubmissionClient(sys.argv[1]).list_jobs()])"
    )
    command = cluster.laptop.command(sys.executable, "-c", asked, f"http://{cluster.head.address}:{cluster.door}")
    ended = subprocess.run(command, env=cluster.environment(), capture_output=True, text=True, timeout=120)
    return ended.stdout


@pytest.mark.parametrize(
    ("token", "words"),
    [("0" * 64, "refuses the token that is set here"), (None, "wants a token, and none is set here")],
    ids=["a wrong token", "no token"],
)
def test_who_lacks_the_token_is_told_so_in_one_line_and_at_once(token, words, cluster, shared):
    for command in (["submit", *SPEC, "--results", str(shared)], ["status"], ["logs", "alone"], ["stop", "alone"]):
        started = time.monotonic()
        refused = cluster.afcl(*command, token=token)
        assert refused.returncode == 3
        assert refused.stderr.count("\n") == 1
        assert words in refused.stderr
        assert time.monotonic() - started < 30  # most of it Python's own start, on a machine that is busy


def test_two_searches_at_once_both_go_on_and_score_as_alone(cluster, shared, alone):
    for name in ("left", "right"):
        submit(cluster, shared, name)
    left, right = (finished(cluster, shared, name) for name in ("left", "right"))
    for one, other in ((left, right), (right, left)):
        assert scores(one) == scores(alone)
        ended = max(trial.ended_at for trial in one.history().trials.values())
        assert any(trial.ended_at < ended for trial in other.history().trials.values())


def test_more_searches_than_places_take_turns(cluster, shared, alone):
    """Three on two CPUs: each has ended a trial before any of them is through."""
    names = ("first", "second", "third")
    for name in names:
        submit(cluster, shared, name)
    folders = [finished(cluster, shared, name) for name in names]
    first_ends = [min(trial.ended_at for trial in folder.history().trials.values()) for folder in folders]
    last_ends = [max(trial.ended_at for trial in folder.history().trials.values()) for folder in folders]
    assert max(first_ends) < min(last_ends)
    assert [scores(folder) for folder in folders] == [scores(alone)] * 3


def test_all_nodes_may_be_replaced_in_mid_search(cluster, shared, alone):
    """One dies and another joins; then the other old one dies too, and what is left runs on the new one."""
    submit(cluster, shared, "moved")
    folder = SearchFolder(shared / "moved")
    begun(folder, 10)
    old = workers(cluster)
    cluster.kill(old[0])
    cluster.add_node()
    before = known(folder)
    cluster.kill(old[1])
    finished(cluster, shared, "moved")
    log = cluster.afcl("logs", "moved").stdout
    assert f"({old[0].address}) has left; its trials go on elsewhere" in log
    assert "has joined and takes trials" in log
    assert places(folder)[TRIALS - 1] not in before
    assert scores(folder) == scores(alone)
    cluster.add_node()


def known(folder) -> set[str | None]:
    """The nodes on which trials have been tried so far."""
    return set(places(folder).values())


def test_a_node_that_joins_without_the_shared_folder_takes_no_trial(cluster, shared, alone):
    submit(cluster, shared, "careful")
    folder = SearchFolder(shared / "careful")
    begun(folder, 3)
    before = set(cluster.nodes)
    stranger = cluster.add_node(before=f"mount -t tmpfs tmpfs {shared}")
    assert stranger.address not in before
    try:
        finished(cluster, shared, "careful")
        log = cluster.afcl("logs", "careful").stdout
        assert f"({stranger.address}) does not share {shared}" in log
        assert "it takes no trials" in log
        assert "goes on from its checkpoint" not in "".join(
            folder.trial(number).log.read_text() for number in range(TRIALS)
        )
        assert scores(folder) == scores(alone)
    finally:
        cluster.kill(stranger)


USERS = """
import sys
from pathlib import Path
import ray, search

ray.init(address="auto", logging_level="ERROR", log_to_driver=False)
few = ["search.baselines=[CL, FCL]", "representation.epochs=1", "representation.warmup_epochs=0"]
try:
    found = search.run("digits", few, trials=0, name="users", results=Path(sys.argv[1]))
except search.EnvironmentProblem as problem:
    sys.exit(str(problem))
print(found.reason, ray.is_initialized())
"""


def test_a_search_inside_a_users_own_ray_init_asks_every_node(cluster, shared):
    """On the head, whose workers have what lies in the driver's folder: our code, as it is here."""

    def run() -> subprocess.CompletedProcess[str]:
        command = cluster.head.command(sys.executable, "-c", USERS, str(shared))
        variables = cluster.environment(RAY_ADDRESS=f"{cluster.head.address}:{cluster.port}", PYTHONPATH=str(CODE))
        return subprocess.run(command, env=variables, cwd=CODE, capture_output=True, text=True, timeout=300)

    stranger = cluster.add_node(before=f"mount -t tmpfs tmpfs {shared}")
    try:
        refused = run()
    finally:
        cluster.kill(stranger)
    assert f"({stranger.address}) does not share {shared}" in refused.stderr
    assert refused.returncode == 1
    assert not (shared / "users").exists()
    done = run()
    assert done.stdout.splitlines()[-1] == "done True", done.stdout + done.stderr
    assert len(set(places(SearchFolder(shared / "users")).values()) - {None}) >= 1


DIES_OF_TRIALS = """
import os, sys, threading, time

def spoil():
    while not hasattr(sys.modules.get("search.worker.trainable"), "_output_in"):  # its last function
        time.sleep(0.001)
    sys.modules["search.worker.trainable"].run_on_workers = lambda *words, **more: os._exit(13)

class Spoils:
    def find_spec(self, name, path, target=None):
        if name == "search.worker.trainable":
            threading.Thread(target=spoil, daemon=True).start()

sys.meta_path.insert(0, Spoils())
"""


def test_a_node_on_which_trials_crash_takes_no_more_and_costs_one_trial(cluster, shared, alone, tmp_path):
    """Ray tries a trial again where there is room, which is where it crashed: the first one is lost to that.

    The bad node has room for two trials. With room for one, all trials could end on the good node before a second trial
    began on the bad one, as on a busy machine a worker takes as long to start as a trial to run.
    """
    (tmp_path / "sitecustomize.py").write_text(DIES_OF_TRIALS)
    cluster.kill(workers(cluster)[0])  # so that the bad one is needed from the start
    bad = cluster.add_node(cpus=2, before=f"export PYTHONPATH={tmp_path}")
    try:
        submit(cluster, shared, "wary", "--set", "search.max_failed_share=1")
        folder = finished(cluster, shared, "wary")
        log = cluster.afcl("logs", "wary").stdout
        assert f"({bad.address}) takes no more trials: trials" in log
        failed = folder.history().in_state("failed")
        assert len(failed) <= 1
        kept = {number: score for number, score in scores(folder).items() if score is not None}
        assert kept == {number: score for number, score in scores(alone).items() if number in kept}
        assert len(kept) + len(failed) == TRIALS
    finally:
        cluster.kill(bad)
        cluster.add_node()


def test_a_node_whose_cable_is_cut_is_given_up_and_its_trials_go_on(cluster, shared, alone):
    if not cluster.network.has_cables:
        pytest.skip("needs the right to make network namespaces")
    submit(cluster, shared, "severed")
    folder = SearchFolder(shared / "severed")
    begun(folder)
    lost = workers(cluster)[0]
    cluster.network.cut(lost)
    try:
        finished(cluster, shared, "severed")
        assert scores(folder) == scores(alone)
    finally:
        cluster.kill(lost)
        cluster.add_node()


def test_a_search_whose_head_died_goes_on_under_another(cluster, shared, alone):
    """Job and head are gone, with all that Ray knew; the shared folder has the search."""
    submit(cluster, shared, "bereft")
    folder = SearchFolder(shared / "bereft")
    begun(folder, 60 + random.Random(0).randrange(60))
    cluster.kill_head()
    before = len(folder.history().trials)
    assert before > 0
    cluster.start_head()
    for _ in range(2):
        cluster.add_node()
    unknown = cluster.afcl("status", "bereft")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (2, 1)
    submit(cluster, shared, "bereft")
    finished(cluster, shared, "bereft")
    assert len(folder.history().sessions) == 2
    assert scores(folder) == scores(alone)


def test_a_default_search_listens_on_the_loopback_address_alone_and_asks_for_a_token():
    """`python tests/cluster/sockets.py` prints what it saw."""
    assert sockets.main() == 0


def workers(cluster):
    return [cluster.hosts[address] for address in cluster.nodes if address != cluster.head.address]
