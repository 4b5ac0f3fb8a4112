"""A page before MLflow's own page. It makes a browser's first visit open on the newest search.

MLflow's UI keeps a table's columns in the browser's storage. A browser that has not seen the newest search yet gets our
page. This page writes the search's columns into the storage and loads the address again. The user's later changes stay
until a newer search has begun.

The storage's keys are internals of MLflow. If another version of MLflow has other keys, its page opens as it would
without ours.
"""

import hashlib
import json
import os
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from search.tracking import links
from search.tracking.client import connect
from search.tracking.shown_searches import Shown, finished_runs, shown_searches
from search.tracking.ui import SEARCH, STORE
from search.tracking.views import state_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

PLAIN = "plain"  # a query parameter that asks for MLflow's own page, whatever the browser has seen
STORAGE = "MLflowLocalStorage-1.1-ExperimentPage-{}-ReactComponentState"  # the storage's key of an experiment's page
ONCE = {  # opens the side for model training, without the chat panel
    "mlflow.workflowType_v1": '"machine_learning"',
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
}
PAGE = """<!doctype html>
<meta charset="utf-8">
<title>MLflow</title>
<script>
const seed = {seed}, cookie = {cookie};
try {{
  for (const [key, value] of Object.entries(seed)) {{
    if (localStorage.getItem("afcl:" + key) === value) continue;  // what the user made of it since then stays
    localStorage.setItem(key, value);
    localStorage.setItem("afcl:" + key, value);
  }}
  document.cookie = cookie + "; path=/; max-age=31536000; samesite=lax";
}} catch (error) {{
  console.warn(error);
}}
if (document.cookie.split("; ").includes(cookie)) location.reload();
else location.replace("/?{plain}" + location.hash);
</script>
"""


class FirstPage:
    """Serves the page before MLflow's, and the short address of the comparison. MLflow serves everything else."""

    def __init__(self, mlflow: ASGIApp) -> None:
        self._mlflow = mlflow
        self._client: MlflowClient | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = None
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"] in ("/", links.COMPARE):
            request = Request(scope)
            page = self._compare if scope["path"] == links.COMPARE else self._first
            answer = await run_in_threadpool(page, request)
        await (answer or self._mlflow)(scope, receive, send)

    def _first(self, request: Request) -> Response | None:
        """The page that fills the browser's storage. None, so that MLflow's own page is served, in three cases.

        The request asks for MLflow's page, the storage is filled already, or the store cannot be read.
        """
        if PLAIN in request.query_params:
            return None
        try:
            shown = self._shown()
        except Exception:  # MLflow's own page will show the store's error
            return None
        seed = {STORAGE.format(json.dumps([one.experiment])): json.dumps(state_of(one.view)) for one in shown}
        name = f"afcl-seen-{request.url.port or 80}"  # ports of a host share cookies, but not storage
        seen = hashlib.sha256(json.dumps(seed, sort_keys=True).encode()).hexdigest()[:16]
        if _cookies(request).get(name) == seen:
            return None
        page = PAGE.format(seed=_in_script(ONCE | seed), cookie=_in_script(f"{name}={seen}"), plain=PLAIN)
        return HTMLResponse(page, headers={"cache-control": "no-store"})

    def _compare(self, request: Request) -> Response:
        """A redirect to the comparison of a search's trials that have finished by now; status 404 if there are none.

        The request names the search by its id. Without an id, the first of `shown_searches` is taken.
        """
        wanted = request.query_params.get("search")
        shown = [one for one in self._shown(wanted) if wanted in (None, one.view.id)]
        if not shown:
            return PlainTextResponse("There is no such search.", 404)
        runs = finished_runs(self._known_client(), shown[0])
        if not runs:
            return PlainTextResponse(f"No trial of {shown[0].view.title} has finished yet.", 404)
        return RedirectResponse(links.compared("", shown[0].experiment, runs), 302)

    def _shown(self, wanted: str | None = None) -> list[Shown]:
        return shown_searches(self._known_client(), wanted or os.environ.get(SEARCH) or None)

    def _known_client(self) -> "MlflowClient":
        self._client = self._client or connect(os.environ[STORE])
        return self._client


def _cookies(request: Request) -> dict[str, str]:
    """The request's cookies; empty if another program on this host has set invalid ones."""
    try:
        return {name: one.value for name, one in SimpleCookie(request.headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def _in_script(value: Any) -> str:
    """A value as JavaScript within a page. `<` is escaped, so that a search's name cannot end the script."""
    return json.dumps(value).replace("<", "\\u003c")
