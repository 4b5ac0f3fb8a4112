"""The lines of `afcl ui`, over a real store."""

import json

import pytest

from search.storage.search_folder import SearchFolder
from search.tracking import opening, outbox, shown_searches
from search.tracking.client import connect, tracking_uri
from search.tracking.opening import addresses

pytestmark = pytest.mark.slow  # a database each
ADDRESS = "http://there:5000"


@pytest.fixture
def store(told):
    outbox.sync(SearchFolder(told / "told"))
    outbox.sync(SearchFolder(told / "begun"))
    return tracking_uri(None, told)


def told_lines(uri, folder=None, *, has_first_page=False):
    title, *lines = addresses(uri, ADDRESS, folder, has_first_page=has_first_page)
    return title, dict(line.split() for line in lines)


def test_the_newest_search_has_a_link_each_for_its_table_its_charts_and_its_finished_trials(store, told):
    title, links = told_lines(store, has_first_page=True)
    assert title == "begun (experiment afcl; 1 other search under Views)"
    assert list(links) == ["table", "charts", "compare"]
    assert links["charts"] == f"{links['table']}&compareRunsMode=CHART"
    assert "viewState" not in links["table"], "our page opens on the view without a banner"
    assert SearchFolder(told / "begun").about()["id"] in links["compare"]


def test_a_search_that_was_asked_for_is_shown_in_place_of_the_newest(store, told):
    folder = SearchFolder(told / "told")
    title, links = told_lines(store, folder, has_first_page=True)
    assert title.startswith("told ")
    assert folder.about()["id"] in links["compare"]


def test_a_server_without_our_page_opens_on_the_shared_view(store, told):
    folder = SearchFolder(told / "told")
    _, links = told_lines(store, folder)
    assert links["table"].endswith(f"&viewStateShareKey=afcl-{folder.about()['id']}")
    runs = json.loads(folder.delivered.read_text())["runs"]
    assert all(runs[str(trial.number)] in links["compare"] for trial in folder.history().ranked())


def test_a_search_of_which_nothing_has_finished_has_no_comparison_there(store, told):
    assert list(told_lines(store, SearchFolder(told / "begun"))[1]) == ["table", "charts"]


def test_searches_that_an_older_version_delivered_are_given_their_views(store, told):
    client = connect(store)
    (one, *_) = shown_searches.shown_searches(client)
    keys = shown_searches.shared_views(client, one.experiment)
    assert len(keys) == 2
    for key in keys:
        client.delete_experiment_tag(one.experiment, f"mlflow.sharedViewState.{key}")
    told_lines(store)
    assert shown_searches.shared_views(client, one.experiment) == keys


def test_a_server_that_takes_no_view_opens_on_sorted_rows(store, monkeypatch):
    def refuse(*given):
        raise PermissionError

    client = connect(store)
    (one, *_) = shown_searches.shown_searches(client)
    for key in shown_searches.shared_views(client, one.experiment):
        client.delete_experiment_tag(one.experiment, f"mlflow.sharedViewState.{key}")
    monkeypatch.setattr(opening, "share_view", refuse)
    assert "&orderByKey=metrics." in told_lines(store)[1]["table"]


def test_a_search_that_was_not_delivered_is_said_with_the_command_that_does_it(told):
    outbox.sync(SearchFolder(told / "told"))
    line, title, *_ = addresses(tracking_uri(None, told), ADDRESS, SearchFolder(told / "begun"), has_first_page=True)
    assert line.startswith("MLflow has nothing of begun yet; `afcl sync begun")
    assert title.startswith("told ")
