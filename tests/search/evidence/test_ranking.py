"""The last step's means rank the few that have one; folders are told by hand."""

import csv
import json
import shutil
from contextlib import closing

import pytest

from search.evidence.candidates import VALIDATES, as_plan, best_candidates
from search.evidence.ranking import Validated, in_words, is_wanted, lacking, ranking
from search.journal.history import History
from search.storage.search_folder import SearchFolder
from trainers.errors import InputError


@pytest.fixture
def searched(told):
    """The search that was told, whose spec has a last step: its best two on two seeds."""
    return with_final_step(SearchFolder(told / "told"), top=2, seeds=2)


def with_final_step(folder: SearchFolder, *, top: int, seeds: int) -> SearchFolder:
    spec = folder.path / "spec.yaml"
    spec.write_text(spec.read_text().replace("final: null", f"final: {{top: {top}, seeds: {seeds}}}"))
    assert folder.spec().search.final is not None
    return folder


def tell_last_step(folder: SearchFolder, scores: dict[int, list[float | None]], name: str = "final-1") -> SearchFolder:
    """A last step of these trials, whose run on each seed came to a score, or failed."""
    inner = SearchFolder(folder.path / name)
    shutil.copytree(folder.path, inner.path, ignore=shutil.ignore_patterns("final-*", "trials"))
    chosen = [one for one in best_candidates(folder.history(), 99) if one.trial in scores]
    seeds = [100 + k for k in range(len(next(iter(scores.values()))))]
    about = folder.about() | {VALIDATES: as_plan(chosen, seeds), "id": name}
    (inner.path / "search.json").write_text(json.dumps(about))
    inner.journal.write_text("")
    told = folder.history().trials
    with closing(inner.open_journal()) as journal:
        number = 0
        for k in range(len(seeds)):
            for one in chosen:
                trial, score = told[one.trial], scores[one.trial][k]
                asked = {"family": trial.family, "baseline": False, "values": trial.values, "config": trial.config}
                journal.append({"event": "asked", "time": 1, "trial": number, **asked})
                metrics = {} if score is None else {"val_balanced_accuracy": score}
                journal.append({"event": "result", "time": 1, "trial": number, "epoch": 3, "metrics": metrics})
                state = {"state": "failed" if score is None else "finished", "score": score, "reason": "it broke"}
                journal.append({"event": "end", "time": 2, "trial": number, "epoch": 3, "rung": None, **state})
                number += 1
    return inner


def test_without_a_last_step_the_searchs_own_scores_rank(told):
    folder = SearchFolder(told / "told")
    found = ranking(folder, folder.history())
    assert (found.basis, found.validated) == ("search", {})
    assert found.trials == folder.history().ranked()
    assert list(in_words(found)) == []
    assert not is_wanted(folder, folder.spec(), folder.history())


def test_the_mean_on_fresh_seeds_turns_the_order_round_and_says_so(searched):
    history = searched.history()
    first, second, *others = [trial.number for trial in history.ranked()]
    tell_last_step(searched, {first: [0.60, 0.70], second: [0.75, 0.77]})
    found = ranking(searched, history)
    assert found.basis == "final"
    assert [trial.number for trial in found.trials] == [second, first, *others]
    assert found.validated[second].mean == pytest.approx(0.76)
    assert found.validated[second].error == pytest.approx(0.01)
    words = " ".join(in_words(found))
    assert f"On 2 fresh seeds trial {second}" in words
    assert "is best with 0.7600 ± 0.0100" in words
    assert (
        "the search had it in place 2. 0 of the other 1 that ran on these seeds lie within one standard error of it."
        in words
    )
    drop = "is 0.6500 on them: a drop of 0.2500."
    assert f"The score of the search's first, 0.9000 of trial {first}, {drop}" in words


def test_the_searchs_own_order_can_be_had_all_the_same(searched):
    history = searched.history()
    first, second = (trial.number for trial in history.ranked()[:2])
    tell_last_step(searched, {first: [0.6, 0.7], second: [0.75, 0.77]})
    assert ranking(searched, history, "search").trials == history.ranked()
    with pytest.raises(InputError, match="told has not been confirmed"):
        ranking(searched, history, "confirm")


def test_what_a_search_without_one_is_asked_for_is_told_of(told):
    folder = SearchFolder(told / "told")
    with pytest.raises(InputError, match=r"on fresh seeds: its spec has no search\.final"):
        ranking(folder, folder.history(), "final")


def test_who_failed_on_a_seed_ranks_after_those_that_did_not(searched):
    history = searched.history()
    first, second = (trial.number for trial in history.ranked()[:2])
    tell_last_step(searched, {first: [0.9, None], second: [0.5, 0.5]})
    found = ranking(searched, history)
    assert [trial.number for trial in found.trials[:2]] == [second, first]
    assert f"Trial {first} failed on 1 of 2 seeds" in " ".join(in_words(found))


def test_who_failed_on_every_seed_ranks_last_and_that_is_said_where_all_of_them_did(searched):
    history = searched.history()
    first, second, *others = (trial.number for trial in history.ranked())
    tell_last_step(searched, {first: [None, None], second: [None, None]})
    found = ranking(searched, history)
    assert [trial.number for trial in found.trials] == [*others, first, second]
    (said,) = in_words(found)
    assert said == "None of the best few gave a score on 2 fresh seeds: the search's own scores rank the rest."


def test_a_last_step_counts_when_all_of_the_best_few_have_ended_in_one(searched):
    history = searched.history()
    first, second = (trial.number for trial in history.ranked()[:2])
    assert [one.trial for one in lacking(searched, history, 2)] == [first, second]
    tell_last_step(searched, {first: [0.6, 0.6]})
    assert [one.trial for one in lacking(searched, history, 2)] == [second]
    assert is_wanted(searched, searched.spec(), history)
    assert ranking(searched, history).basis == "search"
    tell_last_step(searched, {second: [0.7, 0.7]}, name="final-2")
    assert ranking(searched, history).basis == "final"
    assert [trial.number for trial in ranking(searched, history).trials[:2]] == [second, first]


def test_a_mean_of_one_seed_has_no_error():
    assert Validated({1: 0.7}, 0).error is None
    assert Validated({1: 0.7}, 0).in_words() == "0.7000"


def test_nothing_finished_wants_no_last_step(searched):
    assert not is_wanted(searched, searched.spec(), History())


def test_a_published_search_is_ranked_by_the_means_that_its_leaderboard_and_its_verdict_have(study, tmp_path):
    folder = SearchFolder(shutil.copytree(study / "study-98-2", tmp_path / "study-98-2"))
    with folder.leaderboard.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["rank"]]
    ranked = ranking(folder, folder.history())
    assert [trial.number for trial in ranked.trials] == [int(row["trial"]) for row in rows]
    means = {int(row["trial"]): float(row["fresh_seeds_mean"]) for row in rows if row["fresh_seeds_mean"]}
    assert {number: one.mean for number, one in ranked.validated.items()} == pytest.approx(means)
    assert (ranked.seeds, ranked.basis) == (20, "confirm")
    assert "On 20 fresh seeds trial 40 (AFCL) is best with 0.7734" in next(in_words(ranked))
    (verdict,) = (one.verdict for one in folder.confirmations())
    verdict.write_text("[]")
    with pytest.raises(InputError, match=r"verdict\.json is damaged"):
        ranking(folder, folder.history())


def test_a_published_search_of_an_older_version_is_ranked_by_its_scores(study):
    folder = SearchFolder(study / "fmnist-98-2")
    ranked = ranking(folder, folder.history())
    assert (ranked.basis, ranked.validated) == ("search", {})
    scores = [trial.score for trial in ranked.trials]
    assert scores == sorted(scores, reverse=True)


def test_a_run_that_failed_counts_in_a_published_search_too(study, tmp_path):
    folder = SearchFolder(shutil.copytree(study / "study-98-2", tmp_path / "study-98-2"))
    (verdict,) = (one.verdict for one in folder.confirmations())
    told = json.loads(verdict.read_text())
    del told["scores"][told["metric"]]["trial 44 (AFCL)"][str(told["seeds"][0])]  # it is the last of those that ran
    verdict.write_text(json.dumps(told))
    ranked = ranking(folder, folder.history())
    assert (ranked.basis, ranked.seeds) == ("confirm", 20)
    assert {number: one.failed for number, one in ranked.validated.items()} == {40: 0, 0: 0, 45: 0, 23: 0, 98: 0, 44: 1}
