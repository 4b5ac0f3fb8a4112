"""Which nodes take trials as they come, go and fail. Ray's answers are played here; tests/cluster has a real one."""

from contextlib import closing

import pytest
from played_clusters import node

from search.cluster import node_check, node_health
from search.journal.history import Trial
from search.storage.search_folder import SearchFolder
from search.storage.trial_folder import trial_path
from search.worker.trial_files import files_of


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
