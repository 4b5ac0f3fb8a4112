"""The commands for a cluster that this machine is not part of: submit a search to it, and show its searches."""

from typing import Annotated

import typer

from search.cli.options import Anyway, Dashboard, Json, Set, Spec, Storage
from search.display import console
from search.display.console import print_json, say

app = typer.Typer()
CLUSTER = "On a cluster"


@app.command(rich_help_panel=CLUSTER)
def submit(
    spec: Spec,
    address: Dashboard = None,
    results: Annotated[
        str | None, typer.Option("--results", help="A folder on the cluster that all of its nodes share; or --storage.")
    ] = None,
    set_: Set = None,
    name: Annotated[str | None, typer.Option("--name", help="The search's name (default: the spec's).")] = None,
    data: Annotated[str | None, typer.Option("--data", help="Where data sets are on the cluster.")] = None,
    tracking_uri: Annotated[str | None, typer.Option("--tracking-uri", help="MLflow's server.")] = None,
    storage: Storage = None,
    installed: Annotated[bool, typer.Option("--installed", help="Send no code: the cluster's nodes have it.")] = False,
    anyway: Anyway = False,
    json_: Json = False,
) -> None:
    """Run a search on a cluster, or continue it there. Submitted twice, it runs once."""
    from search import submitted
    from search.cluster.submit import in_words

    made = submitted.submit(
        spec,
        set_ or (),
        address=address,
        results=results,
        name=name,
        data=data,
        tracking_uri=tracking_uri,
        storage=storage,
        installed=installed,
        anyway=anyway,
    )
    if json_:
        print_json({"name": made.name, "job": made.job, "begun": made.begun})
    else:
        for line in in_words(made):
            say(line)


@app.command(rich_help_panel=CLUSTER)
def status(
    name: Annotated[str | None, typer.Argument(help="A search's name (default: all that were submitted).")] = None,
    address: Dashboard = None,
    json_: Json = False,
) -> None:
    """Show the state of submitted searches."""
    from search import submitted
    from search.display import tables

    rows = [vars(one) for one in submitted.status(name, address=address)]
    if json_:
        print_json(rows)
    elif not rows:
        say("no search was submitted there since its head started")
    else:
        console.out.print(tables.submitted(rows))
