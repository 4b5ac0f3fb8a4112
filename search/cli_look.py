"""The words that look at searches."""

import sys
import time
from typing import Annotated

import typer

from search import terminal
from search.options import Data, Json, Name, Results
from search.terminal import opened, print_json, say
from trainers.errors import EnvironmentProblem, InputError

app = typer.Typer()
LOOK = "Look"


@app.command("list", rich_help_panel=LOOK)
def list_(results: Results = None, json_: Json = False) -> None:
    """List the searches of a results folder."""
    from search import store, tables

    root = store.results_root(results)
    rows = tables.listing(store.all_folders(root))
    if json_:
        print_json(rows)
    elif not rows:
        say(f"no search in {root} yet; start one with `afcl search demo`")
    else:
        terminal.out.print(tables.searches(rows))


@app.command(rich_help_panel=LOOK)
def show(
    name: Name,
    results: Results = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show again every two seconds while it runs.")] = False,
    json_: Json = False,
) -> None:
    """Show a search's trials, from its folder alone."""
    from search import tables

    folder = opened(name, results)
    while True:
        history = folder.history()
        if json_:
            print_json(tables.as_json(folder, history))
        else:
            if watch and terminal.out.is_terminal:
                terminal.out.clear()
            terminal.out.print(tables.overview(folder, history))
        if not watch or folder.holder() is None:
            return
        time.sleep(2)


@app.command(rich_help_panel=LOOK)
def explain(
    name: Name, trial: Annotated[int, typer.Argument(help="The trial's number.")], results: Results = None
) -> None:
    """Tell in words what was decided about a trial, and why."""
    from search import explain as explaining

    folder = opened(name, results)
    for line in explaining.explain(folder.spec(), folder.history(), trial):
        say(line)


@app.command(rich_help_panel=LOOK)
def logs(
    name: Name, trial: Annotated[int, typer.Argument(help="The trial's number.")], results: Results = None
) -> None:
    """Print what a trial printed, and its traceback if it crashed."""
    folder = opened(name, results)
    if trial not in folder.history().trials:
        raise InputError(f"search {name} has no trial {trial}")
    log = folder.trial(trial).log
    sys.stdout.write(log.read_text() if log.exists() else f"trial {trial} has not begun\n")


@app.command(rich_help_panel=LOOK)
def report(
    name: Name,
    png: Annotated[bool, typer.Option("--png", help="Also each figure as a picture: results/NAME/figures.")] = False,
    results: Results = None,
    data: Data = None,
) -> None:
    """Write a search's page and its table: results/NAME/index.html, leaderboard.csv."""
    from search import report as reporting

    written = reporting.report(name, png=png, results=results, data=data)
    for path in (written.page, *written.pictures):
        say(str(path))
    if written.problem:
        print(written.problem, file=sys.stderr)


@app.command(rich_help_panel=LOOK)
def ui(
    results: Results = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="On 127.0.0.1.")] = 5000,
) -> None:
    """Serve the MLflow UI over the results folder's store, on this machine alone."""
    from search import store
    from search import ui as serving

    sys.exit(serving.serve(store.results_root(results), port, say))


@app.command(rich_help_panel=LOOK)
def sync(name: Name, results: Results = None) -> None:
    """Deliver to MLflow what it lacks of a search."""
    from search import tracking

    folder = opened(name, results)
    for each in (folder, *folder.confirmations()):
        delivered, different = tracking.sync(each)
        say(f"delivered {delivered} events of {each.title}")
        if different:
            raise EnvironmentProblem(f"tracking: MLflow and the journal differ: {'; '.join(different)}")
    say("MLflow has every trial and every epoch, once")
