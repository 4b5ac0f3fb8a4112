"""The words about a cluster elsewhere, as functions. tests/cluster submits to a real one. See search.submitted."""

import pytest

import search
from search.cluster.submit import Submitted, in_words
from trainers.errors import EnvironmentProblem, InputError


def test_a_folder_that_the_nodes_do_not_share_is_refused():
    with pytest.raises(InputError, match="--results: must be the whole path"):
        search.submit("digits", address="http://127.0.0.1:9", results="here")


def test_a_spec_is_checked_before_anybody_is_asked():
    with pytest.raises(InputError, match=r"did you mean search\.trials"):
        search.submit("digits", ["search.trails=3"], results="/shared")


def test_a_cluster_that_does_not_answer_is_told():
    with pytest.raises(EnvironmentProblem, match="nothing answers there"):
        search.submit("digits", address="http://127.0.0.1:9", results="/shared", name="mine", trials=2)
    with pytest.raises(EnvironmentProblem, match="nothing answers there"):
        search.status(address="http://127.0.0.1:9")


def test_what_was_submitted_says_how_to_look_at_it():
    made = Submitted("mine", "afcl-mine-1", True, "http://head:8265", names_tracking=True)
    said = list(in_words(made))
    assert said[0] == "mine is job afcl-mine-1"
    assert said[1:] == [f"  afcl {verb} mine --address http://head:8265" for verb in ("status", "logs", "stop")]
