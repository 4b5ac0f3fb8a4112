"""What the page of a search's run shows first."""

import pytest

from search.evidence.ranking import Ranking, Validated, ranking
from search.storage.search_folder import SearchFolder
from search.tracking.description import summary, with_its_verdict
from search.tracking.names import LONGEST_TAG
from search.tracking.runs import NOTE, VERDICT


@pytest.fixture
def search(told):
    folder = SearchFolder(told / "told")
    return folder.spec(), folder.history(), folder.about()


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


def test_without_fresh_seeds_the_searchs_own_scores_rank_and_luck_is_said(search, told):
    _, history, _ = search
    text = summary(*search, ranking(SearchFolder(told / "told"), history))
    heads, _, *best = rows(text)
    assert heads == ["rank", "trial", "loss", "val_balanced_accuracy", "values"]
    assert [row[1] for row in best] == [str(trial.number) for trial in history.ranked()[:5]]
    assert text.endswith("One seed each: luck is part of the best score. The metric is of the validation split.")


def test_with_fresh_seeds_their_order_and_their_means_stand_there(search):
    _, history, _ = search
    first, second, *others = history.ranked()
    found = {second.number: Validated({1: 0.8, 2: 0.9}, 0), first.number: Validated({1: 0.7, 2: 0.8}, 0)}
    text = summary(*search, Ranking("final", [second, first, *others], found, (first.number, second.number)))
    heads, _, *best = rows(text)
    assert heads[3] == "fresh seeds"
    assert [(row[1], row[3]) for row in best[:2]] == [
        (str(second.number), found[second.number].in_words()),
        (str(first.number), found[first.number].in_words()),
    ]
    assert f"On 2 fresh seeds trial {second.number}" in text
    assert "One seed each" not in text


def test_a_search_in_which_nothing_finished_says_how_many_did_what(search):
    spec, history, about = search
    history.trials = {number: trial for number, trial in history.trials.items() if trial.state == "stopped"}
    assert summary(spec, history, about, Ranking("search", [], {})).endswith(f": {len(history.trials)} stopped.")


def test_a_verdict_stays_behind_a_new_summary_and_all_of_it_fits():
    tags = {NOTE: f"old\n\n{VERDICT}\n\nACL is better."}
    assert with_its_verdict("new", tags) == f"new\n\n{VERDICT}\n\nACL is better."
    assert with_its_verdict("new", {NOTE: "old"}) == with_its_verdict("new", {}) == "new"
    assert len(with_its_verdict("x" * 20_000, tags)) <= LONGEST_TAG
