"""Addresses in MLflow's UI: a search's table, its charts, and its finished trials side by side."""

import json
from collections.abc import Sequence
from urllib.parse import quote

from search.tracking.views import SearchView

TRAINING = "workflowType=machine_learning"  # the UI's default side is for language models
CHARTS = "&compareRunsMode=CHART"
COMPARE = "/afcl/compare"  # the path of search.tracking.first_page
MOST_COMPARED = 50  # runs: an address of more is too long for some browsers


def table(address: str, experiment: str) -> str:
    """The experiment's page, as the browser's own state has it."""
    return f"{address}/#/experiments/{experiment}/runs?{TRAINING}"


def shared(address: str, experiment: str, view: SearchView) -> str:
    """The experiment's page in the search's shared view."""
    return f"{table(address, experiment)}&viewStateShareKey={quote(view.key)}"


def sorted_rows(address: str, experiment: str, view: SearchView) -> str:
    """The search's trials, best first, on a server that takes no shared view: the columns are MLflow's own."""
    order = f"orderByKey={quote('metrics.`score`')}&orderByAsc=false"
    return f"{table(address, experiment)}&searchFilter={quote(view.rows, safe='')}&{order}"


def compared(address: str, experiment: str, runs: Sequence[str]) -> str:
    """Runs side by side, at most so many of the first as an address holds."""
    chosen = quote(json.dumps(list(runs[:MOST_COMPARED]), separators=(",", ":")))
    return f"{address}/#/compare-runs?runs={chosen}&experiments={quote(json.dumps([experiment]))}&{TRAINING}"


def compared_now(address: str, view: SearchView) -> str:
    """A search's finished trials side by side, whichever there are when the address is opened."""
    return f"{address}{COMPARE}?search={quote(view.id)}"
