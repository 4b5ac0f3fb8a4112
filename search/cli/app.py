"""The command line. A command only passes its flags to a function and turns the outcome into an exit code.

The commands that plan and run are in this file; the others are in cluster, inspect, export, predict and machine.
"""

import os
import sys
import warnings
from functools import cache, partial
from typing import Annotated

import typer

from search.cli import cluster, export, inspect, job, machine, predict
from search.cli.common import INTERRUPTED, NOTHING_FINISHED, conclude
from search.cli.ending import ended
from search.cli.options import (
    Address,
    Again,
    AllowCopies,
    Anyway,
    Dashboard,
    Data,
    Json,
    Name,
    Results,
    Set,
    Spec,
    Storage,
)
from search.display import console
from search.display.console import print_json, say, tell
from search.display.loading import loading_announced
from trainers.commands import forget
from trainers.console import make_tolerant

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
RUN = "Plan and run"
_command = cache(partial(typer.main.get_command, app))  # made once, as one process may run several commands


def main() -> None:
    """Run the command in `sys.argv`. Each expected error becomes one line on stderr and an exit code."""
    warnings.filterwarnings("ignore", message=".*joblib will operate in serial mode")  # without shared memory
    make_tolerant(sys.stdout)
    make_tolerant(sys.stderr)
    forget()
    with loading_announced():
        code = ended(lambda: _command()(prog_name="afcl", standalone_mode=False))
    if len(sys.argv) == 1 and "_AFCL_COMPLETE" not in os.environ:  # the help was shown, not a shell's completion
        ended(_say_what_to_type)
    sys.exit(code)


def _say_what_to_type() -> None:
    from search.storage.results_folder import what_to_type
    from search.storage.search_folder import results_root

    say(what_to_type(results_root()))


def _say_version(wanted: bool) -> None:
    if wanted:
        from search.storage.provenance import git_commit, own_version

        commit = git_commit()
        say(f"afcl-search {own_version()}" + (f", commit {commit}" if commit else ""))
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version and the commit.")
    ] = False,
) -> None:
    """Search the hyper-parameters of the asymmetric focal contrastive loss."""


@app.command(rich_help_panel=RUN)
def plan(
    spec: Spec,
    set_: Set = None,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="Time an epoch of each stage here.")] = False,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Show what a search would cost: rungs, epochs, disk, and a score's standard error."""
    from search import api

    planned = api.plan(spec, set_ or (), calibrate=calibrate, data=data)
    if json_:
        print_json(planned.as_json())
        return
    for line in planned.lines:
        say(line)


@app.command(rich_help_panel=RUN)
def search(
    spec: Spec,
    set_: Set = None,
    name: Annotated[str | None, typer.Option("--name", help="The search's name (default: the spec's).")] = None,
    results: Results = None,
    data: Data = None,
    address: Address = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="NAME", help="An older search whose trials the sampler learns from.")
    ] = None,
    tracking_uri: Annotated[str | None, typer.Option("--tracking-uri", help="MLflow's store or server.")] = None,
    storage: Storage = None,
    json_: Json = False,
) -> None:
    """Run a new search to its end."""
    from search import api

    found = api.run(
        spec,
        set_ or (),
        name=name,
        results=results,
        data=data,
        address=address,
        start_from=from_,
        tracking_uri=tracking_uri,
        storage=storage,
        console=console.console_for(json_),
    )
    conclude(found, json_)


@app.command(rich_help_panel=RUN)
def resume(
    name: Name,
    results: Results = None,
    data: Data = None,
    address: Address = None,
    storage: Storage = None,
    anyway: Anyway = False,
    json_: Json = False,
) -> None:
    """Continue a search that was stopped or killed."""
    from search import api

    found = api.resume(
        name,
        results=results,
        data=data,
        address=address,
        storage=storage,
        anyway=anyway,
        console=console.console_for(json_),
    )
    conclude(found, json_)


@app.command(rich_help_panel=RUN)
def extend(
    name: Name,
    trials: Annotated[int, typer.Option("--trials", min=1, help="How many more the sampler proposes.")],
    results: Results = None,
    data: Data = None,
    address: Address = None,
    storage: Storage = None,
    anyway: Anyway = False,
    json_: Json = False,
) -> None:
    """Continue a search, finished or not, with more trials."""
    from search import api

    found = api.extend(
        name,
        trials,
        results=results,
        data=data,
        address=address,
        storage=storage,
        anyway=anyway,
        console=console.console_for(json_),
    )
    conclude(found, json_)


@app.command(rich_help_panel=RUN)
def stop(name: Name, results: Results = None, dashboard: Dashboard = None) -> None:
    """Ask a running search to stop; it can be resumed."""
    from search import api

    say(api.stop(name, address=dashboard, results=results))


@app.command(rich_help_panel=RUN)
def confirm(
    name: Name,
    top: Annotated[
        int | None,
        typer.Option("--top", min=1, help="How many of the best, besides each loss's own best (default: 1)."),
    ] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help="How many fresh seeds (default: 10).")] = None,
    smallest: Annotated[
        float | None,
        typer.Option("--smallest", metavar="D", help="The smallest difference that matters (default: .01)."),
    ] = None,
    until_decided: Annotated[
        bool, typer.Option("--until-decided", help="Run seeds in rounds until each pair is decided at --smallest.")
    ] = False,
    max_seeds: Annotated[
        int | None, typer.Option("--max-seeds", metavar="N", help="The most seeds that --until-decided may run.")
    ] = None,
    ablation: Annotated[
        bool,
        typer.Option(
            "--ablation", help="Also run the path from CL to the best other contrastive loss: η, γ, τ, lr one by one."
        ),
    ] = False,
    again: Again = False,
    allow_copies: AllowCopies = False,
    results: Results = None,
    data: Data = None,
    address: Address = None,
    storage: Storage = None,
    anyway: Anyway = False,
    json_: Json = False,
) -> None:
    """Train the winners again on fresh seeds and open the test split, once."""
    from search import confirming
    from search.display import summary
    from search.engine.confirmation import Confirmed
    from search.evidence import evidence

    def show(confirmed: Confirmed, weighed: evidence.Evidence) -> None:
        if json_:
            print_json(evidence.as_json(weighed))
            return
        for line in summary.confirmed_in_words(confirmed.folder, weighed):
            say(line)

    shown_on = console.console_for(json_)
    confirmation = confirming.confirm(
        name,
        top=top,
        seeds=seeds,
        smallest=smallest,
        until_decided=until_decided,
        max_seeds=max_seeds,
        ablation=ablation,
        again=again,
        anyway=anyway,
        allow_copies=allow_copies,
        results=results,
        data=data,
        address=address,
        storage=storage,
        console=shown_on,
        on_verdict=show,
    )
    if confirmation.evidence is None:
        for words in summary.unconfirmed_in_words(confirmation.confirmed):
            tell(shown_on, words)
        sys.exit(INTERRUPTED if confirmation.confirmed.ended == "interrupted" else NOTHING_FINISHED)


for words in (cluster, inspect, export, predict, machine, job):
    app.add_typer(words.app)
