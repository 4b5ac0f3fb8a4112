"""The lines that `afcl ui` prints: links that open MLflow's UI on a search."""

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from search.storage.search_folder import SearchFolder
from search.tracking import links
from search.tracking.client import connect
from search.tracking.shown_searches import Shown, finished_runs, searches_in, share_view, shared_views, shown_searches
from search.tracking.views import view_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

LIST = 8  # the width of a link's name, in characters


def addresses(uri: str, address: str, folder: SearchFolder | None, *, has_first_page: bool) -> Iterator[str]:
    """Lines with the title of the newest search of each experiment, and links to its table, charts and comparison.

    Args:
        uri: the store's address.
        address: the UI's address.
        folder: the search that was asked for. If MLflow has this search, there are lines for it alone.
        has_first_page: whether the server has `first_page`, which shows the search's columns without a shared view.

    Raises:
        Exception: whatever the store raises if it does not answer.
    """
    client = connect(uri)
    wanted = None if folder is None else str(folder.about()["id"])
    shown = shown_searches(client, wanted)
    if folder is not None:
        found = [one for one in shown if one.view.id == wanted]
        if not found:
            yield f"MLflow has nothing of {folder.title} yet; `{folder.hint('sync')}` delivers it"
        shown = found or shown
    for one in shown:
        yield from _of_a_search(client, address, one, has_first_page=has_first_page)
    if not shown:
        yield address


def _of_a_search(client: "MlflowClient", address: str, one: Shown, *, has_first_page: bool) -> Iterator[str]:
    others = f"; {one.others} other search{'es' if one.others > 1 else ''} under Views" if one.others else ""
    yield f"{one.view.title} (experiment {one.experiment_name}{others})"
    is_shared = _share(client, one)
    if has_first_page:
        table = links.table(address, one.experiment)
    elif is_shared:
        table = links.shared(address, one.experiment, one.view)
    else:
        table = links.sorted_rows(address, one.experiment, one.view)
    yield _line("table", table)
    yield _line("charts", f"{table}{links.CHARTS}")
    if has_first_page:
        yield _line("compare", links.compared_now(address, one.view))
    elif runs := finished_runs(client, one):
        yield _line("compare", links.compared(address, one.experiment, runs))


def _line(name: str, link: str) -> str:
    return f"  {name:{LIST}} {link}"


def _share(client: "MlflowClient", shown: Shown) -> bool:
    """Add the views that searches of the experiment lack; return whether the shown search has one.

    Searches that an older version of afcl delivered have no view.
    """
    with suppress(Exception):  # a server may allow reading and not writing
        there = shared_views(client, shown.experiment)
        for parent in searches_in(client, shown.experiment):
            if (view := view_of(parent)).key not in there:
                share_view(client, shown.experiment, view)
    with suppress(Exception):
        return shown.view.key in shared_views(client, shown.experiment)
    return False
