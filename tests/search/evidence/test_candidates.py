"""Which configurations a confirmation trains again."""

import json
import shutil

import pytest

from search.evidence.candidates import candidates, fresh_seeds, has_ended, read_plan
from search.journal.history import ENDED, History, Trial
from search.storage.search_folder import SearchFolder
from spaces.spec import load_spec
from trainers.errors import InputError


def finished_trial(number: int, family: str, score: float) -> Trial:
    return Trial(number, family, False, {}, {}, 0, state="finished", score=score)


def test_the_best_of_each_family_and_the_best_of_all_are_confirmed():
    scores = [("CL", 0.7), ("AFCL", 0.9), ("AFCL", 0.8), ("FCL", 0.6), ("CL", 0.75)]
    history = History({n: finished_trial(n, family, score) for n, (family, score) in enumerate(scores)})
    assert [(one.trial, one.label, one.rank) for one in candidates(history, 1)] == [
        (1, "AFCL", 1),
        (4, "CL", 3),
        (3, "FCL", 5),
    ]
    assert [one.label for one in candidates(history, 3)] == ["AFCL", "trial 2 (AFCL)", "CL", "FCL"]


def test_nothing_finished_is_nothing_to_confirm():
    with pytest.raises(InputError, match="nothing to confirm"):
        candidates(History(), 1)


def test_fresh_seeds_are_none_of_the_searchs_and_others_for_each_confirmation():
    spec = load_spec("digits")
    first, second = fresh_seeds(spec, "confirm-1", 20), fresh_seeds(spec, "confirm-2", 20)
    assert len({spec.seed, spec.search.seed, *first, *second}) >= 1 + 40
    assert fresh_seeds(spec, "confirm-1", 5) == first[:5], "more seeds begin with the same"


def test_a_confirmation_has_ended_when_each_candidate_has_on_each_seed(told):
    folder = SearchFolder(told / "told" / "confirm-1")
    assert not has_ended(folder), "it was never begun"
    shutil.copytree(told / "told", folder.path, ignore=shutil.ignore_patterns("confirm-*"))
    ended = len(folder.history().in_state(*ENDED))
    about = folder.about()
    chosen_ = [{"trial": number, "label": "CL", "rank": 1} for number in range(ended)]
    (folder.path / "search.json").write_text(json.dumps(about | {"confirms": {"candidates": chosen_, "seeds": [7]}}))
    chosen, seeds = read_plan(folder)
    assert [one.trial for one in chosen] == list(range(ended))
    assert seeds == [7]
    assert has_ended(folder)
    (folder.path / "search.json").write_text(json.dumps(about | {"confirms": {"candidates": chosen_, "seeds": [7, 8]}}))
    assert not has_ended(folder)
