"""A session on a cluster: the nodes that it may use and its share of them. tests/cluster has a real one."""

from contextlib import contextmanager

import pytest
from played_clusters import node

from search.cluster import membership, node_health
from search.cluster.fair_share import Share
from search.cluster.membership import on_cluster
from search.storage.search_folder import SearchFolder


@pytest.fixture
def played(told, monkeypatch):
    """Two nodes of two CPUs, on which others take what is said here."""
    others = {"searches": 1}
    announced = []

    @contextmanager
    def shared(spec, search):
        announced.append((spec.name, search))
        yield lambda nodes: Share(
            max(1, 2 * len(nodes) // others["searches"]), crowded=others["searches"] > 2 * len(nodes)
        )
        announced.append("gone")

    monkeypatch.setattr(membership, "announced", shared)
    nodes = [node("a"), node("b")]
    monkeypatch.setattr(node_health.ray, "nodes", lambda: [one | {"Alive": True} for one in nodes])
    return SearchFolder(told / "told"), others, announced, nodes


def test_a_ray_of_our_own_is_no_cluster(told):
    folder = SearchFolder(told / "told")
    with on_cluster(folder, folder.spec(), None, print) as cluster:
        assert cluster is None


def test_a_search_is_announced_under_its_id_while_its_session_lasts(played):
    folder, _, announced, _ = played
    with on_cluster(folder, folder.spec(), ["a", "b"], print):
        assert announced == [("told", folder.about()["id"])]
    assert announced[1:] == ["gone"]


def test_slots_follow_the_nodes_and_the_other_searches(played):
    folder, others, _, nodes = played
    with on_cluster(folder, folder.spec(), ["a", "b"], print) as cluster:
        assert (cluster.slots(), cluster.is_crowded()) == (4, False)
        others["searches"] = 2
        assert (cluster.slots(), cluster.is_crowded()) == (2, False)
        others["searches"] = 5
        assert (cluster.slots(), cluster.is_crowded()) == (1, True)
        others["searches"] = 1
        nodes.pop()
        cluster.admission.see(nodes)
        assert cluster.slots() == 2
