"""Addresses in MLflow's UI mean what they say after a browser has read them."""

import json
from urllib.parse import parse_qs, urlsplit

from search.tracking import links
from search.tracking.views import SearchView

VIEW = SearchView("a b'c", "demo", ("loss.eta",), "val_balanced_accuracy")
ADDRESS = "http://127.0.0.1:5000"


def read(link):
    assert link.startswith(f"{ADDRESS}/#/")
    path, _, query = urlsplit(link).fragment.partition("?")
    return path, {key: value for key, (value,) in parse_qs(query).items()}


def test_every_page_opens_on_the_side_for_model_training():
    for link in (
        links.table(ADDRESS, "7"),
        links.table(ADDRESS, "7") + links.CHARTS,
        links.shared(ADDRESS, "7", VIEW),
        links.sorted_rows(ADDRESS, "7", VIEW),
        links.compared(ADDRESS, "7", ["a"]),
    ):
        assert read(link)[1]["workflowType"] == "machine_learning"


def test_a_shared_view_comes_without_an_order_or_a_filter_as_either_would_hide_it():
    path, query = read(links.shared(ADDRESS, "7", VIEW))
    assert path == "/experiments/7/runs"
    assert query.keys() == {"workflowType", "viewStateShareKey"}
    assert query["viewStateShareKey"] == VIEW.key


def test_sorted_rows_need_nothing_of_the_server():
    _, query = read(links.sorted_rows(ADDRESS, "7", VIEW))
    assert query["searchFilter"] == VIEW.rows
    assert (query["orderByKey"], query["orderByAsc"]) == ("metrics.`score`", "false")


def test_runs_are_compared_up_to_what_an_address_holds():
    runs = [f"{number:032x}" for number in range(200)]
    path, query = read(links.compared(ADDRESS, "7", runs))
    assert path == "/compare-runs"
    assert json.loads(query["runs"]) == runs[: links.MOST_COMPARED]
    assert json.loads(query["experiments"]) == ["7"]
