"""search.live_page.standing: how a search stands, in the words of `show` and `list`."""

import pytest

import search
from search.evidence.standard_error import error_of_score
from search.live_page.following import Followed
from search.live_page.standing import not_shown, standing_of
from search.storage.search_folder import SearchFolder


@pytest.fixture(scope="module")
def followed(told_once) -> Followed:
    made = Followed(SearchFolder(told_once / "told"))
    made.catch_up()
    return made


def test_it_says_what_the_list_of_the_command_line_says(followed, told_once):
    standing = standing_of(followed)
    _, listed = search.list(results=told_once)
    assert (standing.name, standing.state, standing.counts) == (listed.name, listed.state, listed.counts)
    assert (standing.planned, standing.ended) == (listed.planned, listed.trials)
    assert (standing.waits, standing.data) == (", ".join(listed.waits), listed.data)
    best = followed.history.trials[listed.best.trial]
    error = error_of_score(best, "balanced_accuracy", {"3": 40})
    assert standing.best == f"{best.score:.4f} ± {error:.4f}"
    assert standing.best_of.startswith(f"trial {best.number}, {best.family}")
    assert standing.left == "", "nothing runs"


def test_each_trial_has_a_row_with_its_run_where_mlflow_has_one(followed):
    standing = standing_of(followed, runs={"told": {0: "http://127.0.0.1:5000/#/runs/a"}})
    (group,) = standing.groups
    assert [row.number for row in group.trials] == list(followed.history.trials)
    assert group.trials[0].run == "http://127.0.0.1:5000/#/runs/a"
    assert group.trials[1].run is None
    stopped = next(row for row in group.trials if row.state == "stopped")
    assert "below" in stopped.reason
    assert "±" not in stopped.score, "only a finished trial has a score"


def test_a_search_that_runs_shows_the_trials_that_run(told):
    begun = Followed(SearchFolder(told / "begun"))
    begun.catch_up()
    (waiting,) = standing_of(begun).groups[0].trials
    assert waiting.state == "begun"
    begun.history.trials[0].state = "running"
    group = standing_of(begun).groups[0]
    assert group.running == list(group.trials)


def test_what_cannot_be_shown_is_one_line_without_a_password():
    standing = not_shown("mine", "http://me:swordfish@host/ is\nmany lines")
    assert (standing.state, standing.problem) == ("damaged", "http://…@host/ is")
    assert not_shown("mine", " ").problem
