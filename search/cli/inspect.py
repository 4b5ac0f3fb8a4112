"""The commands that look at searches."""

import sys
import time
from typing import Annotated, Literal

import typer

from search.cli.common import class_and_share
from search.cli.options import Dashboard, Data, Json, Name, Results
from search.display import console
from search.display.console import print_json, say, write
from search.storage.search_folder import results_root
from trainers.commands import command_line
from trainers.console import can_redraw
from trainers.errors import EnvironmentProblem

app = typer.Typer()
LOOK = "Look"
TrialNumber = Annotated[int, typer.Argument(help="The trial's number.")]


@app.command("list", rich_help_panel=LOOK)
def list_(results: Results = None, json_: Json = False) -> None:
    """List the searches of a results folder."""
    from search import reading
    from search.display import tables

    rows = [one.as_json() for one in reading.list_searches(results=results)]
    if json_:
        print_json(rows)
    elif not rows:
        say(f"no search in {results_root(results)} yet; start one with `{command_line('search', 'demo')}`")
    else:
        for part in tables.searches(rows):
            say(part)


@app.command(rich_help_panel=LOOK)
def show(
    name: Name,
    results: Results = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it every two seconds while it runs; wait for it if it has not begun.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="A row for every trial, however many there are.")] = False,
    json_: Json = False,
) -> None:
    """Show a search's trials, from its folder alone."""
    from search import reading
    from search.display import tables
    from search.display.watching import wait_until_begun

    if watch:
        wait_until_begun(name, results, console.err.print if json_ else say)
    found = reading.show(name, results=results)
    while True:
        folder, history = found.folder, found.history
        if json_:
            print_json(tables.as_json(folder, history))
        else:
            if watch and can_redraw(console.out):
                console.out.clear()
            for part in tables.overview(folder, history, console.out.width, every=every):
                say(part)
        if not watch or folder.holder() is None:
            return
        time.sleep(2)


@app.command(rich_help_panel=LOOK)
def explain(name: Name, trial: TrialNumber, results: Results = None, json_: Json = False) -> None:
    """Explain what was decided about a trial, and why."""
    from search import reading

    lines = reading.explain(name, trial, results=results)
    if json_:
        print_json({"name": name.replace("/", " "), "trial": trial, "words": lines})
        return
    for line in lines:
        say(line)


@app.command(rich_help_panel=LOOK)
def compare(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Searches on the same data, two or more.")],
    results: Results = None,
    json_: Json = False,
) -> None:
    """Compare searches on the same data: the best trial of each, and the scores on fresh seeds."""
    from search import reading
    from search.display.side_by_side import comparison

    found = reading.compare(names, results=results)
    if json_:
        print_json(found.as_json())
        return
    for part in comparison(found):
        say(part)


@app.command(rich_help_panel=LOOK)
def logs(
    name: Name,
    trial: Annotated[int | None, typer.Argument(help="The trial's number (default: the driver's log).")] = None,
    results: Results = None,
    dashboard: Dashboard = None,
    json_: Json = False,
) -> None:
    """Print a trial's output, with its traceback if it crashed; or the search's own log."""
    from search import reading

    text = reading.logs(name, trial, address=dashboard, results=results)
    if json_:
        print_json({"name": name, "trial": trial, "log": text})
    elif text:
        write(text)
    elif trial is None:
        say(f"the driver's log is empty; what the search did is in `{command_line('show', name)}`")
    else:
        say(f"trial {trial} printed nothing")


@app.command(rich_help_panel=LOOK)
def report(
    name: Name,
    png: Annotated[
        bool, typer.Option("--png", help="Also write each figure as a picture, into results/NAME/figures.")
    ] = False,
    figures: Annotated[
        Literal["png", "svg", "pdf"] | None,
        typer.Option("--figures", help="Also write each figure there; svg and pdf are for a paper's column."),
    ] = None,
    sensitivity: Annotated[
        list[str] | None,
        typer.Option(
            "--sensitivity",
            metavar="CLASS=SHARE",
            help="Also choose the best trial's threshold for a sensitivity: melanoma=.9; repeatable.",
        ),
    ] = None,
    results: Results = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Write a search's page and its table: results/NAME/index.html, leaderboard.csv."""
    from search import reading

    wanted = dict(class_and_share(text, "--sensitivity") for text in sensitivity or ())
    written = reading.report(name, png=png, figures=figures, sensitivity=wanted, results=results, data=data)
    paths = [str(path) for path in (written.page, *written.pictures)]
    if json_:
        points = {"sensitivity": [point.as_json() for point in written.points]} if wanted else {}
        print_json({"paths": paths, "problem": written.problem} | points)
        return
    for path in paths:
        say(path)
    if written.points:
        from search.evidence.sensitivity import in_words

        for line in (line for point in written.points for line in in_words(point)):
            say(line)
    if written.problem:
        print(written.problem, file=sys.stderr)


@app.command(rich_help_panel=LOOK)
def ui(
    name: Annotated[str | None, typer.Argument(help="The search to open on.")] = None,
    results: Results = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="MLflow's, on 127.0.0.1.")] = 5000,
    page_port: Annotated[
        int | None, typer.Option("--page-port", min=1, max=65535, help="The live page's (default: the one after).")
    ] = None,
    dashboard: Annotated[
        str | None, typer.Option("--address", metavar="URL", help="Show a cluster's searches, http://HEAD:8265.")
    ] = None,
    storage: Annotated[
        str | None, typer.Option("--storage", metavar="URI", help="Show a store's searches, s3://BUCKET/DIR.")
    ] = None,
) -> None:
    """Serve a live page of the searches, and the MLflow UI, on this machine only."""
    from search import reading

    reading.ui(
        name,
        port=port,
        page_port=page_port,
        address=dashboard,
        storage=storage,
        results=results,
        console=console.out,
    )


@app.command(rich_help_panel=LOOK)
def sync(name: Name, results: Results = None, json_: Json = False) -> None:
    """Deliver to MLflow what it lacks of a search."""
    from search import reading

    told = reading.sync(name, results=results, console=console.console_for(json_))
    if json_:
        print_json({title: synced.as_json() for title, synced in told.items()})
    for title, synced in told.items():
        if not json_:
            say(f"delivered {synced.delivered} events of {title}")
            for refused in synced.refused:
                say(refused)
    if different := [one for synced in told.values() for one in synced.different]:
        raise EnvironmentProblem(f"tracking: MLflow and the journal differ: {'; '.join(different)}")
    if not json_ and not any(synced.refused for synced in told.values()):
        say("MLflow has every trial and every epoch, once")
