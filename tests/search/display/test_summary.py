"""What a search says at its end: what came of it, and what to type next."""

import re
from pathlib import Path

import pytest
from consoles import paper
from pages import confirm

from search.display.summary import in_words, unconfirmed_in_words
from search.engine.confirmation import Confirmed
from search.engine.runner import SessionEnd
from search.storage.search_folder import SearchFolder


def ended(folder: SearchFolder, **how) -> SessionEnd:
    """How a session of a search ended: well, but for what is said."""
    usual = {"reason": "done", "undelivered": 0, "tracking_problem": None, "parent_run": None, "different": []}
    return SessionEnd(folder, folder.history(), **usual | how)


@pytest.fixture
def said(told):
    """What is said of a search of the results folder."""

    def say(name: str = "told", **how) -> str:
        console = paper(200)
        for line in in_words(ended(SearchFolder(told / name), **how)):
            console.print(line, soft_wrap=True)
        return console.file.getvalue()

    return say


def test_a_search_that_is_done_names_its_best_and_the_export(said, told):
    printed, history = said(), SearchFolder(told / "told").history()
    assert "the search is done: " in printed
    best = history.ranked()[0]
    assert re.search(rf"1 +{best.number} {best.family}", printed)
    assert f"{best.score:.4f}" in printed
    confirm, export = (line for line in printed.splitlines() if line.startswith(("next", "then")))
    assert confirm.startswith("next     afcl confirm told"), "to make sure of the best before it is taken"
    assert export.startswith("then     afcl export told")
    assert "afcl resume" not in printed
    assert "One seed each" in printed


def test_a_search_that_has_not_ended_says_how_to_go_on(said):
    printed = said("begun", reason="interrupted")
    assert "interrupted: 0 of 7 ended, 1 begun" in printed
    assert "go on    afcl resume" in printed
    assert "afcl export" not in printed


@pytest.mark.parametrize(("reason", "words"), [("stopped", "stopped as asked"), ("max_hours", "time budget is spent")])
def test_an_end_before_the_last_trial_is_worded(reason, words, said):
    assert words in said(reason=reason)


def test_where_nothing_finished_the_way_to_the_reasons_is_told(said):
    assert "nothing finished; see: afcl show" in said("begun")


def test_what_mlflow_lacks_is_told_with_its_mend(said):
    printed = said(undelivered=12, tracking_problem="no server answers")
    assert "MLflow lacks 12 events (no server answers); deliver them with: afcl sync" in printed
    assert "MLflow lacks" not in said()


def test_that_mlflow_has_everything_is_said_only_where_it_was_counted(said, told):
    history = SearchFolder(told / "told").history()
    epochs = sum(len(trial.epochs) for trial in history.trials.values())
    counted = f"all {len(history.trials)} trials and {epochs} epochs, counted"
    assert counted in said(different=[])
    assert counted not in said(different=None)
    assert "MLflow differs from the journal: trial 3 has 2 epochs" in said(different=["trial 3 has 2 epochs"])


def test_the_report_is_named_where_there_is_one(said, told):
    assert "report   " not in said()
    (told / "told" / "index.html").touch()
    assert f"report   {Path(told / 'told' / 'index.html')}" in said()


def test_a_confirmation_that_was_interrupted_says_how_to_go_on(told):
    folder = SearchFolder(told / "begun")
    first, second = unconfirmed_in_words(Confirmed(folder, ended(folder, reason="interrupted"), None))
    assert first == "interrupted: 0 of 7 ended, 1 begun"
    assert second.startswith("go on    afcl resume")


def test_a_search_that_was_confirmed_goes_on_with_the_export(said, told):
    confirm(SearchFolder(told / "told"), ())
    (line,) = (line for line in said().splitlines() if line.startswith(("next", "then")))
    assert line.startswith("next     afcl export told")
