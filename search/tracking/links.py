"""Addresses in MLflow's UI: a search's table, its charts, and its finished trials side by side."""

import json
from collections.abc import Sequence
from urllib.parse import quote

from search.tracking.views import SearchView

TRAINING = "workflowType=machine_learning"  # the UI's default side is for language models
CHARTS = "&compareRunsMode=CHART"
COMPARE = "/afcl/compare"  # a path that search.tracking.first_page answers
MOST_COMPARED = 50  # runs; an address with more of them is too long for some browsers


def table(address: str, experiment: str) -> str:
    """The address of an experiment's page, which has the columns that the browser has stored. `address` is the UI's."""
    return f"{address}/#/experiments/{experiment}/runs?{TRAINING}"


def shared(address: str, experiment: str, view: SearchView) -> str:
    """The address of an experiment's page in a search's shared view."""
    return f"{table(address, experiment)}&viewStateShareKey={quote(view.key)}"


def sorted_rows(address: str, experiment: str, view: SearchView) -> str:
    """The address of a search's trials, best first, with MLflow's own columns. For servers without shared views."""
    order = f"orderByKey={quote('metrics.`score`')}&orderByAsc=false"
    return f"{table(address, experiment)}&searchFilter={quote(view.rows, safe='')}&{order}"


def compared(address: str, experiment: str, runs: Sequence[str]) -> str:
    """The address of the comparison of the first `MOST_COMPARED` runs. `runs` are run ids."""
    chosen = quote(json.dumps(list(runs[:MOST_COMPARED]), separators=(",", ":")))
    return f"{address}/#/compare-runs?runs={chosen}&experiments={quote(json.dumps([experiment]))}&{TRAINING}"


def compared_now(address: str, view: SearchView) -> str:
    """The address of the comparison of those trials of a search that have finished when the address is opened."""
    return f"{address}{COMPARE}?search={quote(view.id)}"


def run(address: str, run_id: str) -> str:
    """The address of a run's own page. MLflow finds the run's experiment by itself."""
    return f"{address}/#/runs/{quote(run_id)}?{TRAINING}"
