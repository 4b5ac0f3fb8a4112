"""Where trials are put on a cluster of others. Ray's answers are played here; tests/cluster has a real one."""

import pickle

import pytest
from ray.tune import PlacementGroupFactory

from search.cluster import placement
from search.cluster.placement import Placement, Places


def test_a_request_names_the_nodes_that_are_admitted_at_that_moment(monkeypatch):
    asked = []
    monkeypatch.setattr(placement, "placement_group", lambda *words, **more: asked.append((words, more)))
    here = ["a"]
    place = Placement(PlacementGroupFactory([{"CPU": 1}, {"CPU": 2, "GPU": 1}], "STRICT_PACK"), lambda: here)
    place.to_placement_group()
    here = ["a", "b"]
    place.to_placement_group()
    here = []
    place.to_placement_group()
    assert [more["bundle_label_selector"] for _, more in asked] == [
        [{"ray.io/node-id": nodes}] * 2 for nodes in ("in(a)", "in(a,b)", "in(none)")
    ]
    assert asked[0][0] == ([{"CPU": 1.0}, {"CPU": 2.0, "GPU": 1.0}], "STRICT_PACK")


def test_requests_for_the_same_are_the_same_whatever_nodes_there_are():
    one, other = (Placement(PlacementGroupFactory([{"CPU": 1}]), lambda: ["a"]) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert type(pickle.loads(pickle.dumps(one))) is PlacementGroupFactory


class Controller:
    """The insides of Ray Tune's TuneController that are used, and what was done to them."""

    def __init__(self, *statuses):
        self.done, self._actor_manager, self._resource_manager, self._actor_cache = [], self, self, self
        self.num_cached_objects, self._stopping_actors = 1, {"worker"}
        self._trials = [type("Trial", (), {"status": status})() for status in statuses]
        self._request_to_staged_pgs = {"request": {1, 2}, "nothing": set()}

    def get_trials(self):
        return self._trials

    def cancel_resource_request(self, request):
        self.done.append(f"cancel {request}")

    def request_resources(self, request):
        self.done.append(f"ask {request}")

    def _cleanup_cached_actors(self, force_all):
        self.done.append("release")
        self.num_cached_objects = 0

    def next(self, timeout):
        self._stopping_actors.clear()
        self.done.append("the worker ends")


@pytest.mark.parametrize(
    ("full", "crowded", "statuses", "done"),
    [
        (False, False, ["RUNNING"], []),
        (True, False, ["RUNNING", "PENDING"], []),  # the idle worker is for the trial that waits
        (True, False, ["RUNNING"], ["release"]),  # a slot was lost to another search
        (False, True, ["RUNNING", "PENDING"], ["release", "the worker ends", "look", "look"]),
    ],
)
def test_an_idle_worker_goes_back_to_ray_where_its_place_is_not_ours(
    full, crowded, statuses, done, cluster, monkeypatch
):
    """Where searches outnumber places nothing is asked for until those who wait have theirs."""
    controller, states = Controller(*statuses), ["PENDING", "CREATED"]

    def table():
        controller.done.append("look")
        return {"another search's": {"state": states.pop(0)}}

    monkeypatch.setattr(placement, "placement_group_table", table)
    Places(cluster.admission, lambda: full, lambda: crowded).on_step(controller)
    assert controller.done == done


def test_what_waits_is_asked_for_anew_when_the_nodes_have_changed(cluster):
    places, controller = Places(cluster.admission, lambda: False, lambda: False), Controller("PENDING")
    places.on_step(controller)
    assert controller.done == []
    cluster.nodes.pop()
    cluster.see()
    places.on_step(controller)
    assert controller.done == ["cancel request", "cancel request", "ask request", "ask request"]
