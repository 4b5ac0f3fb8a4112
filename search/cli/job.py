"""The hidden commands that a submitted job runs on the cluster."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from search.cli.common import conclude
from search.cli.options import Name, Results
from search.display import console
from search.display.console import write
from trainers.errors import EnvironmentProblem, InputError

if TYPE_CHECKING:
    from search.handle import SearchResult
    from search.storage.search_folder import SearchFolder
    from spaces.spec import SearchSpec

app = typer.Typer()


@app.command("run-job", hidden=True)
def run_job() -> None:
    """What a submitted job runs on the cluster: the search that was handed over to it."""
    conclude(run_here(console.out), json_=False)


@app.command("read-job", hidden=True, context_settings={"ignore_unknown_options": True})
def read_job(context: typer.Context, words: list[str]) -> int | None:
    """What a job of `afcl logs --address` runs: a command of afcl, with the variables that were handed over."""
    take_variables()
    code: int | None = context.find_root().command.main(words, standalone_mode=False)
    return code


@app.command("send-folder", hidden=True)
def send_folder(name: Name, since: float = 0.0, journals: str = "{}", results: Results = None) -> None:
    """What a job runs that `afcl ui --address` submits: print what is new in a search's folder, as one line."""
    from search.storage.results_folder import open_folder
    from search.storage.search_folder import results_root
    from search.storage.sent_folder import packed

    write(packed(open_folder(results_root(results), name), since, json.loads(journals)) + "\n")


def run_here(console: Any) -> "SearchResult":
    """In the job of a submitted search: begin the search, or go on with it, and return its result."""
    from search import api
    from search.cluster import job_secrets
    from search.storage.fetch import bring
    from search.storage.ownership import is_stored
    from search.storage.provenance import code_hash
    from search.storage.search_folder import SearchFolder, results_root
    from spaces.spec import parse_spec

    told = job_secrets.take_over()
    os.environ.update(told["environment"])
    if told["code"] != code_hash():
        raise EnvironmentProblem(
            "the cluster's afcl differs from the one that submitted this search; install the same version on both, or "
            "submit without --installed"
        )
    address = job_secrets.ray_address()
    results, data = Path(told["results"]), None if told["data"] is None else Path(told["data"])
    spec = parse_spec(told["spec"])
    root = results_root(results)
    folder = SearchFolder(root / spec.name)
    if not folder.is_begun() and is_stored(spec):
        folder = bring(root, spec.name, str(spec.storage.uri))
    if not folder.is_begun():
        return api.run(spec, results=results, data=data, address=address, console=console)
    _refuse_another(folder, spec)
    return api.resume(spec.name, results=results, data=data, address=address, anyway=told["anyway"], console=console)


def take_variables() -> None:
    """In a job that only reads: set the environment variables that were handed over to the job."""
    from search.cluster import job_secrets

    os.environ.update(job_secrets.take_over()["environment"])


# a search keeps the rules that it began with
MAY_DIFFER = ("tracking", "data.split_rules", "classifier.l2_rules")


def _refuse_another(folder: "SearchFolder", spec: "SearchSpec") -> None:
    from spaces.fields import by_path
    from trainers.wording import shown as shown_value

    there, here = by_path(folder.spec().dump()), by_path(spec.dump())
    for path in sorted(there.keys() | here.keys()):
        if not path.startswith(MAY_DIFFER) and there.get(path) != here.get(path):
            raise InputError(
                f"name: a search {spec.name!r} exists in {folder.root} with {path} {shown_value(there.get(path))}, not "
                f"{shown_value(here.get(path))}; submit it as it was to go on, or choose another --name"
            )
