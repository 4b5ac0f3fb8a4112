"""Addresses in MLflow's UI: a search's table, its charts, and its finished trials side by side."""

import json
from collections.abc import Sequence
from urllib.parse import quote

from search.tracking.views import SearchView

TRAINING = "workflowType=machine_learning"  # the UI's default side is for language models
CHARTS = "&compareRunsMode=CHART"
COMPARE = "/afcl/compare"  # the path of search.tracking.first_page
MOST_COMPARED = 50  # runs; an address with more of them is too long for some browsers


def table(address: str, experiment: str) -> str:
    """The experiment's page, with the columns that the browser has stored."""
    return f"{address}/#/experiments/{experiment}/runs?{TRAINING}"


def shared(address: str, experiment: str, view: SearchView) -> str:
    """The experiment's page in the search's shared view."""
    return f"{table(address, experiment)}&viewStateShareKey={quote(view.key)}"


def sorted_rows(address: str, experiment: str, view: SearchView) -> str:
    """The search's trials, best first, with MLflow's own columns. For a server that takes no shared view."""
    order = f"orderByKey={quote('metrics.`score`')}&orderByAsc=false"
    return f"{table(address, experiment)}&searchFilter={quote(view.rows, safe='')}&{order}"


def compared(address: str, experiment: str, runs: Sequence[str]) -> str:
    """The comparison of the first `MOST_COMPARED` runs."""
    chosen = quote(json.dumps(list(runs[:MOST_COMPARED]), separators=(",", ":")))
    return f"{address}/#/compare-runs?runs={chosen}&experiments={quote(json.dumps([experiment]))}&{TRAINING}"


def compared_now(address: str, view: SearchView) -> str:
    """The comparison of a search's finished trials, as they are when the address is opened."""
    return f"{address}{COMPARE}?search={quote(view.id)}"


def run(address: str, run_id: str) -> str:
    """The address of a run's own page. It names no experiment: MLflow finds that by itself."""
    return f"{address}/#/runs/{quote(run_id)}?{TRAINING}"
