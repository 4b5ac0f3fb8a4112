"""The view of a search in MLflow's UI: a row for each trial, best first, and a column for each searched parameter.

The UI keeps the table's columns in a state. It reads the state from a tag of the experiment (a shared view, listed
under "Views" on every server) or from the browser's storage, which search.tracking.first_page fills. The names in the
state are internals of MLflow, tested with 3.17. A version without them shows its own table, and nothing breaks.
"""

import json
import time
import uuid
import zlib
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search.journal.labels import LOSS_FIELDS
from search.tracking.names import LONGEST_TAG
from spaces.conditions import SWITCH
from trainers.config import METRIC

if TYPE_CHECKING:
    from mlflow.entities import Run

SHARED = "mlflow.sharedViewState."  # the view's key follows in the name of the experiment's tag that holds the view
RATE = "representation.lr"
SPACE = "space."  # the prefix of a range's path among a search's parameters
WIDTHS = {"family": 90, "state": 90, "score": 90}  # pixels
WIDTH_OF_A_VALUE, WIDTH_OF_A_NAME = 130, 170
BARS = 100  # the most runs in a chart


@dataclass(frozen=True)
class SearchView:
    """What a view shows of a search."""

    id: str
    title: str
    paths: tuple[str, ...]  # the parameters that have a column
    metric: str  # the metric that is drawn by epoch

    @property
    def key(self) -> str:
        """The key by which a link names the search's shared view."""
        return f"afcl-{self.id}"

    @property
    def rows(self) -> str:
        """MLflow's filter for the search's trials."""
        return f"tags.`afcl.search_id` = '{self.id}' and tags.`afcl.trial` != 'search'"


def view_of(parent: "Run") -> SearchView:
    """The view of a search, from its run in MLflow alone: the search may be of an older version or another host."""
    tags, params = parent.data.tags, parent.data.params
    searched = _searched(params)
    paths = dict.fromkeys([*LOSS_FIELDS, RATE, *sorted(path for path in searched if path != SWITCH)])
    metric = params.get("search.metric")
    return SearchView(
        id=tags["afcl.search_id"],
        title=tags.get("afcl.search", parent.info.run_name),
        paths=tuple(paths),
        metric=METRIC if metric is None else f"val_{metric}",
    )


def _searched(params: Iterable[str]) -> set[str]:
    """The searched fields' paths, from names of MLflow parameters: space.loss.eta.zero_or.loguniform gives loss.eta."""
    from spaces.fields import PARAMETER, searchable

    ranges = [key.removeprefix(SPACE) for key in params if key.startswith(SPACE)]
    of_own_losses = {found.group() for key in ranges if (found := PARAMETER.match(key))}
    return of_own_losses | {
        path for path in searchable() for key in ranges if key == path or key.startswith(f"{path}.")
    }


def state_of(view: SearchView) -> dict[str, Any]:
    """The state in which MLflow's UI shows the experiment's page: the search's rows, columns and charts."""
    columns = [f"tags.`{tag}`" for tag in ("family", "state")]
    columns += ["metrics.`score`", *(f"params.`{path}`" for path in view.paths)]
    widths = {column: WIDTHS.get(column.split("`")[1], WIDTH_OF_A_VALUE) for column in columns}
    section = _named("section", view)
    return {
        "searchFilter": view.rows,
        "orderByKey": "metrics.`score`",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": columns,
        "columnOrder": ["attributes.`Run Name`", *columns, "runDateAndNestInfo", "duration"],
        "columnWidths": {"attributes.`Run Name`": WIDTH_OF_A_NAME} | widths,
        "runsHiddenMode": "SHOW_ALL",
        "groupBy": None,
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": True,
        "compareRunSections": [
            {"uuid": section, "name": view.title, "display": True, "isReordered": True, "columns": 2}
        ],
        "compareRunCharts": _charts(view, section),
        "chartsSearchFilter": "",
    }


def _charts(view: SearchView, section: str) -> list[dict[str, Any]]:
    shared: dict[str, Any] = {
        "metricSectionId": section,
        "deleted": False,
        "isGenerated": False,
        "runsCountToCompare": BARS,
    }
    bar: dict[str, Any] = {"type": "BAR", "metricKey": "score"}
    axes: dict[str, Any] = {
        "type": "PARALLEL",
        "selectedParams": list(view.paths),
        "selectedMetrics": ["score"],
        "showAllRuns": True,
    }
    curves: dict[str, Any] = {
        "type": "LINE",
        "metricKey": view.metric,
        "selectedMetricKeys": [view.metric],
        "xAxisKey": "step",
        "lineSmoothness": 0,
        "useGlobalLineSmoothing": False,
    }
    return [{"uuid": _named(chart["type"], view)} | chart | shared for chart in (bar, curves, axes)]


def _named(what: str, view: SearchView) -> str:
    """An id for `what` in a view. The same arguments always give the same id."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"afcl:{view.id}:{what}"))


def shared_view(view: SearchView, at: int | None = None) -> str:
    """The value of the experiment's tag under which every server's UI finds the view.

    Args:
        view: the search's view.
        at: when the view was made, in ms since 1970; None takes the present time.
    """
    now = int(time.time() * 1000) if at is None else at
    state = json.dumps(state_of(view), separators=(",", ":"))

    def tag(state: str) -> str:
        return json.dumps({"name": view.title, "createdAt": now, "updatedAt": now, "state": state})

    plain = tag(state)
    return plain if len(plain) <= LONGEST_TAG else tag(f"deflate;{b64encode(zlib.compress(state.encode())).decode()}")


def best_first(runs: "Sequence[Run]") -> "list[Run]":
    """The runs that have a score, sorted by score. If any of them has η, γ and τ, only such runs are returned.

    MLflow's comparison begins with axes for the parameters in which the runs differ. With other losses among the runs,
    these would be parameters that only some of the losses have.
    """
    scored = [run for run in runs if "score" in run.data.metrics]
    contrastive = [run for run in scored if LOSS_FIELDS[0] in run.data.params]
    return sorted(contrastive or scored, key=lambda run: -run.data.metrics["score"])
