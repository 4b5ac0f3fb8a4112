"""Whether a node can take part, by what it answers. Ray's answers are played; tests/cluster has a real one."""

import pytest
import ray

from search.cluster import node_check
from search.cluster.node_check import Probe, check_nodes
from search.storage.object_store import Storage
from search.storage.provenance import code_hash
from trainers.errors import EnvironmentProblem


def node(name):
    return {"NodeID": name, "NodeManagerHostname": name, "NodeManagerAddress": "10.0.0.1"}


def test_a_place_that_cannot_be_read_is_a_complaint_and_ends_no_search(tmp_path, monkeypatch):
    probe = Probe(Storage(str(tmp_path)), "probe")
    monkeypatch.setattr(node_check.ray, "get", lambda asked, timeout: ("code", "code", None))
    (tmp_path / "probe" / "c").mkdir(parents=True)
    complaint = node_check.complaint_about(node("c"), None, probe, "code")
    assert complaint.startswith(f"node c (10.0.0.1) does not share {tmp_path} (")
    assert "--results" in complaint


def test_a_node_that_dies_while_it_is_asked_is_left_out_and_not_complained_of(tmp_path, monkeypatch):
    """Ray counts it as alive for some ten seconds more."""
    answers = {"a": ("code", "code", None)}

    def get(node_id, timeout):
        if node_id not in answers:
            raise ray.exceptions.TaskUnschedulableError("The node doesn't exist any more")
        Probe(place, probe.folder).write(node_id, "here")
        return answers[node_id]

    def ask(node_id, asked):
        nonlocal probe
        probe = asked
        return node_id

    place, probe = Storage(str(tmp_path)), None
    monkeypatch.setattr(node_check.ray, "nodes", lambda: [node(name) | {"Alive": True} for name in "ab"])
    monkeypatch.setattr(node_check.ray, "get", get)
    monkeypatch.setattr(node_check, "ask", ask)
    assert node_check.check_nodes(place, "code") == ["a"]
    del answers["a"]
    with pytest.raises(EnvironmentProblem, match="no node of the cluster is left"):
        node_check.check_nodes(place, "code")


@pytest.mark.slow
def test_every_node_is_asked_for_its_code_and_the_results_folder(shared_ray, tmp_path):
    check_nodes(Storage(str(tmp_path / "new")), code_hash())
    assert not list((tmp_path / "new").iterdir())
    with pytest.raises(EnvironmentProblem, match="differs from this driver"):
        check_nodes(Storage(str(tmp_path)), "another hash")


@pytest.mark.slow
def test_a_node_that_lacks_a_part_of_the_users_own_is_told_of(shared_ray, tmp_path):
    """The driver has it: only the node's answer counts."""
    parts = (("model.encoder", "absentparts.models:build"),)
    with pytest.raises(EnvironmentProblem, match=r"cannot run afcl .*no module absentparts here"):
        check_nodes(Storage(str(tmp_path)), code_hash(), parts)
