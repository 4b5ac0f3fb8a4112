"""The page before MLflow's own, over a real store. tests/browser looks at what a browser makes of it."""

import json
import re
from urllib.parse import unquote

import pytest
from asking import ask

from search.storage.search_folder import SearchFolder
from search.tracking import outbox
from search.tracking.client import tracking_uri
from search.tracking.ui import SEARCH, STORE

pytestmark = pytest.mark.slow  # a database each
ADDRESS = "http://127.0.0.1:5000"


async def mlflow(scope, receive, send):
    """In place of MLflow's own."""
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"MLflow's"})


@pytest.fixture
def store(told, monkeypatch):
    """A store with one search, and the folder of another that was not delivered to it yet."""
    outbox.sync(SearchFolder(told / "told"))
    monkeypatch.setenv(STORE, tracking_uri(None, told))
    monkeypatch.delenv(SEARCH, raising=False)
    return SearchFolder(told / "told"), SearchFolder(told / "begun")


@pytest.fixture
def page(store):
    from search.tracking.first_page import FirstPage  # starlette

    return FirstPage(mlflow)


def seeded(answer) -> dict[str, str]:
    return json.loads(re.search(r"const seed = (.*), cookie = ", answer.text)[1])


def cookie_of(answer) -> str:
    return re.search(r', cookie = "(.*?)";', answer.text)[1]


def shown_in(answer) -> str:
    """The search whose trials the browser will show."""
    (state,) = [json.loads(value) for key, value in seeded(answer).items() if "ExperimentPage" in key]
    return re.search(r"search_id` = '(.*?)'", state["searchFilter"])[1]


def test_the_first_visit_is_given_the_newest_search_and_the_next_is_mlflows(page, store):
    told, begun = store
    first = ask(page, f"{ADDRESS}/")
    assert first.status == 200
    assert first.headers["cache-control"] == "no-store"
    assert shown_in(first) == told.about()["id"]
    assert ask(page, f"{ADDRESS}/", cookie=f"other=1; {cookie_of(first)}").status == 299
    outbox.sync(begun)  # a newer one: the browser is given that
    again = ask(page, f"{ADDRESS}/", cookie=cookie_of(first))
    assert shown_in(again) == begun.about()["id"]
    assert ask(page, f"{ADDRESS}/", cookie=cookie_of(again)).status == 299


def test_a_search_that_was_asked_for_stands_before_a_newer_one(page, store, monkeypatch):
    told, begun = store
    outbox.sync(begun)
    monkeypatch.setenv(SEARCH, told.about()["id"])
    assert shown_in(ask(page, f"{ADDRESS}/")) == told.about()["id"]


def test_two_servers_do_not_share_what_a_browser_has_seen(page):
    """Browsers share cookies between ports, and no storage."""
    first = ask(page, f"{ADDRESS}/")
    assert ask(page, "http://127.0.0.1:5001/", cookie=cookie_of(first)).status == 200


@pytest.mark.parametrize("path", ["/?plain", "/static-files/x", "/afcl", "/ajax-api/2.0/mlflow/runs/search"])
def test_all_else_is_mlflows(page, path):
    assert ask(page, f"{ADDRESS}{path}").status == 299


def test_a_store_that_does_not_answer_leaves_mlflows_page_to_say_it(page, monkeypatch):
    monkeypatch.setenv(STORE, "http://127.0.0.1:9")
    assert ask(page, f"{ADDRESS}/").text == "MLflow's"


def test_no_name_of_a_search_ends_the_script(page, store):
    from mlflow import MlflowClient

    told, _ = store
    client, parent = MlflowClient(tracking_uri(None, told.root)), json.loads(told.delivered.read_text())["parent"]
    client.set_tag(parent, "afcl.search", "</script><script>alert(1)</script>")
    assert ask(page, f"{ADDRESS}/").text.count("</script>") == 1


def test_the_comparison_is_of_the_trials_that_have_finished_by_now(page, store):
    told, begun = store
    answer = ask(page, f"{ADDRESS}/afcl/compare")
    assert answer.status == 302
    runs = json.loads(told.delivered.read_text())["runs"]
    finished = [runs[str(trial.number)] for trial in told.history().ranked()]
    assert re.findall(r"[0-9a-f]{32}", unquote(answer.headers["location"])) == finished
    outbox.sync(begun)
    none = ask(page, f"{ADDRESS}/afcl/compare?search={begun.about()['id']}")
    assert (none.status, none.text) == (404, "No trial of begun has finished yet.")
    assert ask(page, f"{ADDRESS}/afcl/compare?search=x'y").status == 404
