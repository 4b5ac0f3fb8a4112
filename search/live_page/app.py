"""The page's addresses: the list of searches, a search with its report, a trial, a log. All of them only read.

Each page has a part that the browser asks for again and again. The part's address is the page's own with /rows, and
its ETag changes whenever the part does.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from markupsafe import Markup
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from search.live_page.guard import IN_A_FRAME, Guard
from search.live_page.logs import LogEnd
from search.live_page.reports import Drawn, Reports
from search.live_page.searches import Searches
from search.live_page.standing import Group, Standing, TrialRow
from search.reporting.html import templates_of
from search.storage.results_folder import how_to_begin
from search.storage.search_folder import LEADERBOARD, TABLES, SearchFolder
from trainers.errors import InputError

MOST_TRIALS = 100  # rows of a table of trials, unless all are asked for
FILES = Path(__file__).parent / "templates"
TEMPLATES = templates_of("search.live_page")
LOADING = "The report is being drawn."
TABLE_NAMES = ("trials", "epochs", "decisions", "classes", "confusions")  # those of search.journal.frames.Frames


ReadLog: TypeAlias = Callable[[SearchFolder, int | None], LogEnd]  # returns a trial's log; with None the driver's


class Pages:
    """Answers the requests. Several threads may call the methods at once."""

    def __init__(self, searches: Searches, reports: Reports, read_log: ReadLog) -> None:
        """Prepare to answer.

        Args:
            searches: the searches.
            reports: their reports.
            read_log: returns the end of a log, from a search's folder and the number of a trial in it. With None in
                place of the number, the log is the driver's.
        """
        self._searches, self._reports, self._read_log = searches, reports, read_log

    def every_search(self, request: Request) -> Response:
        """The page with the list of all searches."""
        nothing = f"No search here yet: {how_to_begin(self._searches.root)}."
        part = _fill("list.html", searches=self._searches.all(), problem=self._searches.problem, nothing=nothing)
        return _answer(request, "Searches", [], part)

    def search(self, request: Request) -> Response:
        """The page of one search: how it stands, its trials, its report."""
        one = self._standing(request)
        trail = [("searches", "/")]
        drawn, trouble = (None, "")
        followed = self._searches.followed(one.name)
        if followed is not None:
            drawn, trouble = self._reports.ask(followed.folder)
        part = _fill(
            "search.html",
            one=one,
            every="every" in request.query_params,
            most=MOST_TRIALS,
            drawn=drawn,
            trouble=trouble,
            at="" if drawn is None else f"{datetime.fromtimestamp(drawn.at):%H:%M:%S}",
            rest=0 if drawn is None else round(drawn.rest),
            files=[] if followed is None else files_of(followed.folder, drawn),
        )
        return _answer(request, one.name, trail, part, report=None if one.problem else f"/searches/{one.name}/report")

    def report(self, request: Request) -> Response:
        """The last drawing of a search's report. If there is none yet, a sentence with status 503."""
        one = self._standing(request)
        followed = self._searches.followed(one.name)
        drawn, trouble = (None, one.problem) if followed is None else self._reports.ask(followed.folder)
        if drawn is None:
            return HTMLResponse(TEMPLATES.from_string("{{ said }}").render(said=trouble or LOADING), 503)
        return HTMLResponse(drawn.page, headers=IN_A_FRAME)

    def file(self, request: Request) -> Response:
        """The leaderboard, or a table, as a CSV file: one of those that `files_of` names, and nothing else."""
        one = self._standing(request)
        followed = self._searches.followed(one.name)
        drawn = None if followed is None else self._reports.ask(followed.folder)[0]
        wanted = request.url.path.removeprefix(f"/searches/{one.name}/")
        if followed is None or wanted not in files_of(followed.folder, drawn):
            raise HTTPException(404, one.problem or f"{one.name} has no {wanted} here.")
        made = None if drawn is None or wanted != LEADERBOARD else drawn.leaderboard
        content = (followed.folder.path / wanted).read_bytes() if made is None else made
        name = f"{one.name}-{wanted.rpartition('/')[2]}"
        return Response(
            content, media_type="text/csv", headers={"content-disposition": f'attachment; filename="{name}"'}
        )

    def trial(self, request: Request) -> Response:
        """The page of one trial: what was decided about the trial and why, and its log."""
        one, number = self._standing(request), int(request.path_params["number"])
        group = self._group(request, one)
        followed = self._searches.followed(group.path)
        row = _row(group, number)
        if followed is None or row is None:
            raise HTTPException(404, f"{group.path} has no trial {number}.")
        try:
            lines = followed.explained(number)
        except InputError as error:
            lines = [str(error)]
        log = self._read_log(followed.folder, number)
        part = _fill("trial.html", lines=lines, run=row.run, number=number, log=log)
        return _answer(request, f"Trial {number} of {group.path}", _trail(one), part)

    def log(self, request: Request) -> Response:
        """The page with the end of the driver's log of a search."""
        one = self._standing(request)
        followed = self._searches.followed(one.name)
        if followed is None:
            raise HTTPException(404, one.problem or LOADING)
        log = self._read_log(followed.folder, None)
        part = _fill("trial.html", lines=[], run=None, number=None, log=log)
        return _answer(request, f"The driver's log of {one.name}", _trail(one), part)

    def _standing(self, request: Request) -> Standing:
        name = request.path_params["name"]
        found = self._searches.named(name)
        if found is None:
            raise HTTPException(404, f"There is no search {name} here.")
        return found

    def _group(self, request: Request, one: Standing) -> Group:
        """The trials of the search, or of the last step or confirmation that the address names."""
        inside = request.path_params.get("inside")
        path = one.name if inside is None else f"{one.name}/{inside}"
        found = next((group for group in one.groups if group.path == path), None)
        if found is None:
            raise HTTPException(404, f"There is no {path} here.")
        return found


def make_app(searches: Searches, reports: Reports, read_log: Callable[[SearchFolder, int | None], LogEnd]) -> ASGIApp:
    """The application that serves the page. See `Pages` for the arguments."""
    pages = Pages(searches, reports, read_log)
    search = "/searches/{name}"
    redrawn = [
        ("", pages.every_search),
        (search, pages.search),
        (f"{search}/log", pages.log),
        (f"{search}/trial/{{number:int}}", pages.trial),
        (f"{search}/{{inside}}/trial/{{number:int}}", pages.trial),
    ]
    routes = [Route(f"{path}/rows", answer, methods=["GET"]) for path, answer in redrawn]
    routes += [Route(path or "/", answer, methods=["GET"]) for path, answer in redrawn]
    routes += [
        Route(f"{search}/report", pages.report, methods=["GET"]),
        Route(f"{search}/{LEADERBOARD}", pages.file, methods=["GET"]),
        Route(f"{search}/{TABLES}/{{table}}", pages.file, methods=["GET"]),
        Route("/page.css", _file("page.css", "text/css"), methods=["GET"]),
        Route("/page.js", _file("page.js", "text/javascript"), methods=["GET"]),
    ]
    handlers = {HTTPException: _not_found, Exception: _not_made}
    return Guard(Starlette(routes=routes, exception_handlers=handlers))  # type: ignore[arg-type]  # narrower arguments


def files_of(folder: SearchFolder, drawn: Drawn | None) -> list[str]:
    """The files of a search that can be downloaded, by their paths in its folder: its leaderboard and its tables.

    Args:
        folder: the search.
        drawn: its report as it was drawn last, whose leaderboard is served in place of the file; None without one.
    """
    has_leaderboard = folder.leaderboard.is_file() if drawn is None else drawn.leaderboard is not None
    tables = [f"{TABLES}/{name}.csv" for name in TABLE_NAMES if (folder.tables / f"{name}.csv").is_file()]
    return [*([LEADERBOARD] if has_leaderboard else []), *tables]


def _answer(
    request: Request, title: str, trail: list[tuple[str, str]], part: Markup, report: str | None = None
) -> Response:
    """The answer to a request: the page; only its redrawn part, if the address ends in /rows.

    If the browser has this part already, the answer is status 304 without content.

    Args:
        request: the request.
        title: the page's title.
        trail: the links above the title, each a text and its address.
        part: the part that is redrawn.
        report: the address of the report that the page shows in a frame; None for no report.
    """
    tag = f'"{hashlib.sha256(part.encode()).hexdigest()[:32]}"'
    path = request.url.path.rstrip("/")
    if path.endswith("/rows"):
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"etag": tag})
        return HTMLResponse(part, headers={"etag": tag})
    query = f"?{request.url.query}" if request.url.query else ""
    rows = f"{path}/rows{query}"
    return HTMLResponse(_page(title, trail, now=part, rows=rows, tag=tag, report=report))


def _page(title: str, trail: list[tuple[str, str]], sentence: str = "", **more: Any) -> str:
    given = {"now": None, "rows": "", "tag": "", "report": None} | more
    return _fill("frame.html", title=title, trail=trail, sentence=sentence, **given)


def _fill(template: str, **values: Any) -> Markup:
    return Markup(TEMPLATES.get_template(template).render(**values))  # noqa: S704  # made by a template that escapes


def _trail(one: Standing) -> list[tuple[str, str]]:
    return [("searches", "/"), (one.name, f"/searches/{one.name}")]


def _row(group: Group, number: int) -> TrialRow | None:
    return next((row for row in group.trials if row.number == number), None)


def _file(name: str, kind: str) -> Callable[[Request], Response]:
    content = (FILES / name).read_bytes()
    return lambda request: Response(content, media_type=kind)


def _not_found(request: Request, error: HTTPException) -> Response:
    page = _page("Not here", [("searches", "/")], sentence=error.detail)
    return HTMLResponse(page, error.status_code, headers=error.headers)


def _not_made(request: Request, error: Exception) -> Response:
    said = f"This page met an error of its own: {type(error).__name__}."
    return HTMLResponse(_page("Not shown", [("searches", "/")], sentence=said), 500)
