"""The words that look, as functions. See search.reading; tests/search/cli shows what they print."""

import signal

import pytest

import search
from search.journal.frames import TRIAL_COLUMNS
from search.tracking import ui as serving
from trainers.errors import InputError


@pytest.mark.parametrize(
    "call",
    [
        lambda root: search.open("tolt", results=root),
        lambda root: search.show("tolt", results=root),
        lambda root: search.explain("tolt", 0, results=root),
        lambda root: search.logs("tolt", results=root),
        lambda root: search.report("tolt", results=root),
        lambda root: search.ui("tolt", results=root),
        lambda root: search.sync("tolt", results=root),
    ],
    ids=["open", "show", "explain", "logs", "report", "ui", "sync"],
)
def test_a_search_that_there_is_not_is_told_with_what_was_meant(call, told):
    with pytest.raises(InputError, match=r"no search 'tolt' in .*; did you mean told"):
        call(told)


def test_the_searches_of_a_folder_are_listed_with_their_best(told):
    begun, done = search.list(results=told)
    assert (begun.name, begun.state, begun.best) == ("begun", "interrupted", None)
    assert (done.name, done.state) == ("told", "done")
    best = search.open("told", results=told).best
    assert (done.best.trial, done.best.score) == (best.number, best.score)
    assert done.as_json()["best"] == {"trial": best.number, "family": best.family, "score": best.score}


def test_a_damaged_search_is_listed_with_what_is_wrong(told):
    (told / "begun" / "journal.jsonl").write_text("nonsense\n")
    begun, _ = search.list(results=told)
    assert begun.state == "damaged"
    assert "line 1" in begun.data


def test_no_folder_is_no_searches(tmp_path):
    assert search.list(results=tmp_path / "none") == []


def test_show_and_open_have_the_search(told):
    for found in (search.show("told", results=told), search.open("told", results=told)):
        assert found.state == "done"
        assert list(found.frames().trials.columns[: len(TRIAL_COLUMNS)]) == TRIAL_COLUMNS


def test_a_decision_is_explained_in_sentences(told):
    lines = search.explain("told", 0, results=told)
    assert lines[0].startswith("trial 0")
    assert all(isinstance(line, str) for line in lines)


def test_a_log_is_read_and_one_that_is_not_there_says_so(told):
    assert search.logs("told", 1, results=told) == "trial 1 has no log yet\n"
    folder = search.open("told", results=told).folder
    folder.trial(1).path.mkdir(parents=True)
    folder.trial(1).log.write_text("epoch 1\n")
    assert search.logs("told", 1, results=told) == "epoch 1\n"
    with pytest.raises(InputError, match="search told has no trial 99"):
        search.logs("told", 99, results=told)


@pytest.mark.slow
def test_a_report_says_where_its_page_is(told):
    written = search.report("told", results=told)
    assert written.page == told / "told" / "index.html"
    assert written.page.exists()


def test_a_sensitivity_of_no_class_is_refused_before_anything_is_written(told):
    with pytest.raises(InputError, match="has no class"):
        search.report("told", sensitivity={"cat": 0.9}, results=told)
    assert not (told / "told" / "index.html").exists()


def test_nothing_to_serve_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(InputError, match="no runs in"):
        search.ui(results=tmp_path)


def test_a_process_that_has_served_takes_signals_as_before(tmp_path, monkeypatch):
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}

    def serve(*given) -> int:
        for number in before:
            signal.signal(number, lambda *taken: None)
        return 0

    monkeypatch.setattr(serving, "serve", serve)
    search.ui(results=tmp_path)
    assert {number: signal.getsignal(number) for number in before} == before


@pytest.mark.slow
def test_a_sync_returns_what_was_delivered(told, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (synced,) = search.sync("told", results=told).values()
    assert synced.delivered > 0
    assert synced.different == []
