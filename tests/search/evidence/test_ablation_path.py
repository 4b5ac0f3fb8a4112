"""What a path showed."""

import pytest

from search.evidence.ablation import Ablation, Switch
from search.evidence.ablation_path import in_words, path_of, reach_of

PLAN = Ablation("CL", "AFCL", 0, (Switch("+ η = 2", {}), Switch("+ γ = 1", {}), Switch("+ lr = 0.1", {})))
SCORES = {
    "CL": {1: 0.5, 2: 0.6},
    "+ η = 2": {1: 0.6, 2: 0.72},
    "+ γ = 1": {2: 0.7},
    "AFCL": {1: 0.9, 2: 0.8},
    "CE": {1: 0.1, 2: 0.1},
}


def test_each_place_is_compared_in_pairs_with_the_one_before():
    path = path_of(PLAN, SCORES)
    assert [step.label for step in path] == ["CL", "+ η = 2", "+ γ = 1", "+ lr = 0.1 (AFCL)"]
    assert path[0].change is None
    assert [step.change.difference for step in path[1:]] == pytest.approx([0.11, -0.02, 0.1])
    assert [step.change.n for step in path[1:]] == [2, 1, 1], "on the seeds that both have"
    (said,) = in_words(path)
    assert said.startswith("From CL, one value after the other, on the same seeds: + η = 2 +0.1100 (")
    assert "not corrected" in said


def test_a_step_that_failed_on_all_seeds_leaves_a_gap_and_no_path_no_words():
    path = path_of(PLAN, {**SCORES, "+ γ = 1": {}})
    assert [step.change is None for step in path] == [True, False, True, True]
    assert list(in_words(())) == []


def test_seeds_that_all_changed_alike_have_no_interval():
    path = path_of(PLAN, {**SCORES, "+ η = 2": SCORES["CL"]})
    assert reach_of(path[1].change) is None
    assert "+ η = 2 +0.0000," in next(in_words(path))
