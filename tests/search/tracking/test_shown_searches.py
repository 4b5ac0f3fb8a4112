"""Which searches of a store are shown: one of each experiment, the newest or the one that was asked for."""

import pytest
from lazy import Lazy

from search.storage.addresses import sqlite_uri
from search.tracking.client import connect, ensure_experiment
from search.tracking.shown_searches import finished_runs, searches_in, shown_searches

mlflow = Lazy("mlflow")
pytestmark = pytest.mark.slow  # a database


@pytest.fixture
def store(tmp_path):
    """Two experiments of ours with searches, one of somebody else."""
    uri = sqlite_uri(tmp_path / "mlflow.db")
    client = connect(uri)
    for experiment, searches in (("first", ("a", "b")), ("second", ("c",))):
        place = ensure_experiment(client, uri, experiment)
        for started, search in enumerate(searches, 1):
            tags = {"afcl.search_id": search, "afcl.search": f"named {search}", "afcl.trial": "search"}
            client.create_run(place, start_time=started, tags=tags | {"afcl.kind": "search"})
            client.create_run(
                place, start_time=9, tags=tags | {"afcl.search_id": f"{search}-1", "afcl.kind": "confirmation"}
            )
            for trial, (state, score) in enumerate((("finished", 0.5), ("finished", 0.7), ("stopped", 0.9))):
                of_trial = {"afcl.search_id": search, "afcl.trial": str(trial), "state": state}
                run = client.create_run(place, tags=of_trial, run_name=str(trial)).info.run_id
                client.log_metric(run, "score", score, step=0)
    client.create_experiment("somebody else's")
    return client


def test_each_experiment_shows_its_newest_search_and_no_confirmation(store):
    shown = {one.experiment_name: one for one in shown_searches(store)}
    assert {name: one.view.title for name, one in shown.items()} == {"first": "named b", "second": "named c"}
    assert {name: one.others for name, one in shown.items()} == {"first": 1, "second": 0}
    assert [run.data.tags["afcl.search_id"] for run in searches_in(store, shown["first"].experiment)] == ["b", "a"]


def test_a_search_that_was_asked_for_stands_for_its_experiment(store):
    assert {one.view.id for one in shown_searches(store, "a")} == {"a", "c"}
    assert {one.view.id for one in shown_searches(store, "no such")} == {"b", "c"}
    assert {one.view.id for one in shown_searches(store, "a' or 'b")} == {"b", "c"}


def test_finished_trials_are_the_searchs_own_and_the_best_stands_first(store):
    shown = next(one for one in shown_searches(store, "a") if one.view.id == "a")
    names = [store.get_run(run).info.run_name for run in finished_runs(store, shown)]
    assert names == ["1", "0"]
