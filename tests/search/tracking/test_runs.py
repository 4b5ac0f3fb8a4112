"""The runs that stand for a search and its trials are found again, and made where there are none."""

import pytest
from lazy import Lazy

from search.storage.addresses import sqlite_uri
from search.storage.search_folder import SearchFolder
from search.tracking.client import connect
from search.tracking.refusals import Refusals
from search.tracking.runs import ABOVE, Runs
from search.tracking.taking import Taker

mlflow = Lazy("mlflow")
pytestmark = pytest.mark.slow  # each makes a database


@pytest.fixture
def made(told, tmp_path):
    folder = SearchFolder(told / "told")
    uri = sqlite_uri(tmp_path / "runs.db")
    client = connect(uri)
    experiment = client.create_experiment("afcl")
    taker = Taker(client, Refusals("afcl sync told"), lambda: None, lambda seconds: None)
    return Runs(client, taker, folder, experiment, uri), client, folder


def test_a_search_has_one_run_however_often_it_is_asked_for(made):
    runs, client, folder = made
    parent = runs.ensure_parent()
    assert runs.ensure_parent() == parent
    assert client.get_run(parent).data.params["search.trials"] == str(folder.spec().search.trials)
    assert client.get_run(parent).info.start_time == folder.history().sessions[0]["time"], "whenever it is delivered"


def test_a_trial_has_one_run_below_the_searchs(made):
    runs, client, folder = made
    parent, trial = runs.ensure_parent(), folder.history().trials[0]
    child = runs.ensure_child(trial, parent)
    assert runs.ensure_child(trial, parent) == child
    assert [run.info.run_id for run in runs.children()] == [child]
    assert client.get_run(child).data.tags[ABOVE] == parent


def test_a_search_stands_under_no_other_run(made):
    assert made[0].above() is None
