"""Which nodes take trials as they come, go and fail. Ray's answers are played here; tests/cluster has a real one."""

import pickle
from contextlib import closing

import pytest
from ray.tune import PlacementGroupFactory

from search.cluster import node_check, node_health, placement
from search.cluster.node_health import Admission
from search.cluster.placement import Placement, Places
from search.journal.history import Trial
from search.storage.search_folder import SearchFolder
from search.storage.trial_folder import trial_path
from search.worker.trial_files import files_of


def node(name):
    return {"NodeID": name, "NodeManagerHostname": name, "NodeManagerAddress": "10.0.0.1", "Resources": {"CPU": 2.0}}


class Cluster:
    """Nodes that answer when they are told to."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.told, self.nodes, self.answers = folder, [], [node("a"), node("b")], {}
        monkeypatch.setattr(node_health.ray, "nodes", lambda: [one | {"Alive": True} for one in self.nodes])
        monkeypatch.setattr(node_health.node_check, "ask", lambda number, probe: number)
        monkeypatch.setattr(Admission, "_has_answered", lambda _, number: number in self.answers)
        monkeypatch.setattr(
            node_health.node_check, "complaint_about", lambda one, number, probe, code: self.answers[number]
        )
        self.admission = Admission(folder, ["a", "b"], self.told.append, self.noted_node)

    def noted_node(self, number, for_the_last_time):
        trial = self.folder.trial(number)
        return trial.take_noted_node() if for_the_last_time else trial.noted_node()

    def see(self):
        self.admission.see(self.nodes)
        return self.admission.ids()

    def crash(self, trial, where):
        self.folder.trial(trial).note_node(where)
        self.admission.crashed(trial)


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    (tmp_path / "search").mkdir()
    return Cluster(SearchFolder(tmp_path / "search"), monkeypatch)


def trial(number, state, reason=None):
    return Trial(number, "CL", False, {}, {}, 0, state=state, reason=reason)


def test_a_node_that_joins_takes_trials_once_it_has_answered_well(cluster):
    cluster.nodes.append(node("c"))
    assert cluster.see() == ["a", "b"]
    cluster.answers["c"] = None
    assert cluster.see() == ["a", "b", "c"]
    assert cluster.told == ["node c (10.0.0.1) has joined and takes trials"]
    assert cluster.admission.nodes() == [{"CPU": 2.0}] * 3
    assert not list(cluster.folder.root.glob(".joined-*"))


def test_a_node_that_joins_with_other_code_never_takes_any(cluster):
    cluster.nodes.append(node("c"))
    cluster.answers["c"] = "node c has other code"
    assert cluster.see() == cluster.see() == ["a", "b"]
    assert cluster.told == ["node c has other code; until it is mended and joins anew it takes no trials"]


def test_a_joined_node_that_dies_before_it_answers_takes_nothing_and_is_not_told_of(cluster, monkeypatch):
    def gone(*_):
        raise node_check.NodeGoneError("c")

    cluster.nodes.append(node("c"))
    cluster.answers["c"] = None
    monkeypatch.setattr(node_check, "complaint_about", gone)
    assert cluster.see() == ["a", "b"]
    assert cluster.told == []


def test_a_node_that_leaves_is_told_of_and_no_longer_asked_for(cluster):
    cluster.nodes.pop()
    assert cluster.see() == ["a"]
    assert cluster.told == ["node b (10.0.0.1) has left; its trials go on elsewhere"]


def test_a_node_on_which_trial_after_trial_crashes_takes_no_more(cluster):
    for number in (0, 0, 1):
        assert not cluster.admission.avoids_some
        cluster.crash(number, "b")
    assert cluster.see() == ["a"]
    assert cluster.told == ["node b (10.0.0.1) takes no more trials: trials 0, 1 crashed on it"]
    assert cluster.admission.avoids_some


def test_one_trial_alone_does_not_speak_against_a_node(cluster):
    for _ in range(5):
        cluster.crash(0, "b")
    assert cluster.see() == ["a", "b"]


def test_a_trial_that_ends_well_clears_its_node_and_one_that_diverges_says_nothing(cluster):
    for number in (0, 1):
        cluster.crash(number, "b")
    cluster.folder.trial(2).note_node("b")
    cluster.admission.ended(trial(2, "failed", "diverged: loss is nan"))
    cluster.admission.ended(trial(2, "stopped", "below the cutoff"))
    cluster.crash(3, "b")
    assert cluster.see() == ["a", "b"]
    cluster.folder.trial(3).note_node("b")  # it was tried again
    cluster.admission.ended(trial(3, "failed", "crashed twice with: OSError"))
    cluster.crash(4, "b")
    assert cluster.see() == ["a"]


def test_a_node_that_died_with_its_trials_is_not_spoken_of_twice(cluster):
    died = cluster.nodes.pop()
    for number in range(4):
        cluster.crash(number, died["NodeID"])
    assert cluster.told == ["node b (10.0.0.1) has left; its trials go on elsewhere"]
    assert not cluster.admission.avoids_some


def test_an_avoided_node_that_leaves_is_no_more_to_be_avoided(cluster):
    for number in range(3):
        cluster.crash(number, "b")
    assert cluster.admission.avoids_some
    cluster.nodes.pop()
    cluster.see()
    assert not cluster.admission.avoids_some


def test_the_last_node_is_never_given_up(cluster):
    cluster.nodes.pop()
    cluster.see()
    for number in range(5):
        cluster.crash(number, "a")
    assert cluster.see() == ["a"]


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


@pytest.mark.parametrize("name", ["begun", "told"])
def test_the_node_of_a_trial_is_where_its_worker_noted_it(name, kept):
    """Of one search that is in a store and of one that is in its folder alone."""
    folder = SearchFolder(kept.path.parent / name)
    assert (folder.storage is None) == (name == "told")
    where = None if folder.storage is None else (folder.storage / trial_path(7)).uri
    with closing(files_of({"folder": str(folder.trial(7).path), "storage": where})) as files:
        files.note_node("a")
    noted = node_health.noted_node_of(folder)
    assert [noted(7, last) for last in (False, True, False)] == ["a", "a", None]
