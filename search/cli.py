"""The words of the command line: flags to a function, its outcome to an exit code. No logic stands here."""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from search.options import Address, Again, Anyway, Data, Json, Name, Results, Set, Spec
from trainers.errors import EnvironmentProblem, InputError

app = typer.Typer(
    help="Search the hyper-parameters of the asymmetric focal contrastive loss.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Get and check the data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")

err = Console(file=sys.stderr)
out = Console(file=sys.stdout)  # as it is now: a search sends what others print to its log
DONE, NOTHING_FINISHED, BAD_INPUT, BAD_ENVIRONMENT, INTERRUPTED = 0, 1, 2, 3, 130

RUN, LOOK, TAKE, MACHINE = "Plan and run", "Look", "Take away", "This machine"


def main() -> None:
    """Run the command line; every expected error is one line and an exit code."""
    try:
        code = app(prog_name="afcl", standalone_mode=False) or DONE
        if code == INTERRUPTED:  # where no search was there to say more
            print("afcl: interrupted", file=sys.stderr)
        sys.exit(code)
    except InputError as error:
        _fail(error, BAD_INPUT)
    except typer.TyperException as error:  # a word or a flag that there is not; the help itself has no message
        _fail(error.format_message(), BAD_INPUT) if error.format_message() else sys.exit(BAD_INPUT)
    except typer.Abort:  # asked, and nobody there to answer
        _fail("nothing was done; answer, or say --yes", BAD_INPUT)
    except EnvironmentProblem as error:
        _fail(error, BAD_ENVIRONMENT)
    except BrokenPipeError:  # whoever read our output has seen enough
        sys.stdout = None
        sys.exit(DONE)
    except OSError as error:
        _fail(f"{error.filename or 'disk'}: {error.strerror or error}", BAD_ENVIRONMENT)


def _fail(error: object, code: int) -> NoReturn:
    print(f"afcl: {error}", file=sys.stderr)
    sys.exit(code)


@app.command(rich_help_panel=RUN)
def plan(
    spec: Spec,
    set_: Set = None,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="Time an epoch of each stage here.")] = False,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Say what a search would cost: rungs, epochs, disk, the validation score's error."""
    from search import plan as planning
    from spaces.spec import load_spec
    from trainers.data import load

    checked = load_spec(spec, set_ or ())
    arrays = load(checked.data, data)
    made = planning.make_plan(checked, arrays)
    timed = planning.calibrate(checked, arrays) if calibrate else None
    if json_:
        _print_json(made.as_json() | ({"calibration": vars(timed)} if timed else {}))
        return
    for line in planning.in_words(checked, arrays, made, timed):
        _say(line)


@app.command(rich_help_panel=RUN)
def search(
    spec: Spec,
    set_: Set = None,
    name: Annotated[str | None, typer.Option("--name", help="The search's name [the spec's].")] = None,
    results: Results = None,
    data: Data = None,
    address: Address = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="NAME", help="An older search whose trials the sampler is told.")
    ] = None,
    tracking_uri: Annotated[str | None, typer.Option("--tracking-uri", help="MLflow's store or server.")] = None,
    json_: Json = False,
) -> None:
    """Run a new search to its end."""
    from search import driver
    from spaces.spec import load_spec

    overrides = [*(set_ or ()), *([f"tracking.uri={json.dumps(tracking_uri)}"] if tracking_uri else [])]
    checked = load_spec(spec, overrides, name=name)
    found = driver.run(
        checked,
        results=results,
        data=data,
        address=address,
        start_from=from_,
        console=err if json_ else out,
    )
    _conclude(found, json_)


@app.command(rich_help_panel=RUN)
def resume(
    name: Name,
    results: Results = None,
    data: Data = None,
    address: Address = None,
    anyway: Anyway = False,
    json_: Json = False,
) -> None:
    """Go on with a search that was stopped or killed."""
    from search import driver

    found = driver.resume(
        name, results=results, data=data, address=address, anyway=anyway, console=err if json_ else out
    )
    _conclude(found, json_)


@app.command(rich_help_panel=RUN)
def extend(
    name: Name,
    trials: Annotated[int, typer.Option("--trials", min=1, help="How many more the sampler proposes.")],
    results: Results = None,
    data: Data = None,
    address: Address = None,
    anyway: Anyway = False,
    json_: Json = False,
) -> None:
    """Go on with a search, finished or not, with more trials."""
    from search import driver

    found = driver.resume(
        name,
        extend_by=trials,
        results=results,
        data=data,
        address=address,
        anyway=anyway,
        console=err if json_ else out,
    )
    _conclude(found, json_)


@app.command(rich_help_panel=RUN)
def stop(name: Name, results: Results = None) -> None:
    """Ask a running search to stop; it can be resumed."""
    folder = _open(name, results)
    if (driven := folder.driven()) is None:
        raise InputError(f"search {name} is not running")
    driven.ask_to_stop()
    _say(f"asked {driven.holder()} to stop {name}; go on with `{driven.hint('resume')}`")


@app.command(rich_help_panel=RUN)
def confirm(
    name: Name,
    top: Annotated[
        int | None, typer.Option("--top", min=1, help="How many of the best, beside each loss's [1].")
    ] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help="How many fresh seeds [10].")] = None,
    again: Again = False,
    results: Results = None,
    data: Data = None,
    address: Address = None,
    anyway: Anyway = False,
    json_: Json = False,
) -> None:
    """Train the winners again on fresh seeds and open the test split, once."""
    from search import conclusion, evidence, registry
    from search import confirm as confirming

    confirmed = confirming.confirm(
        name,
        top=top,
        seeds=seeds,
        again=again,
        anyway=anyway,
        results=results,
        data=data,
        address=address,
        console=err if json_ else out,
    )
    if not confirming.is_confirmed(confirmed.folder):
        for words in conclusion.unconfirmed_in_words(confirmed):
            _say(words)
        sys.exit(INTERRUPTED if confirmed.ended == "interrupted" else NOTHING_FINISHED)
    weighed = evidence.conclude(confirmed)
    published = registry.publish(confirmed.folder.searched, weighed, confirmed.test.images[:2])
    if json_:
        _print_json(evidence.as_json(weighed))
        return
    for line in conclusion.confirmed_in_words(confirmed.folder, weighed):
        _say(line)
    _say(published)


@app.command("list", rich_help_panel=LOOK)
def list_(results: Results = None, json_: Json = False) -> None:
    """List the searches of a results folder."""
    from search import store, tables

    root = store.results_root(results)
    rows = tables.listing(store.all_folders(root))
    if json_:
        _print_json(rows)
    elif not rows:
        _say(f"no search in {root} yet; start one with `afcl search demo`")
    else:
        out.print(tables.searches(rows))


@app.command(rich_help_panel=LOOK)
def show(
    name: Name,
    results: Results = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show again every two seconds while it runs.")] = False,
    json_: Json = False,
) -> None:
    """Show a search's trials, from its folder alone."""
    from search import tables

    folder = _open(name, results)
    while True:
        history = folder.history()
        if json_:
            _print_json(tables.as_json(folder, history))
        else:
            if watch and out.is_terminal:
                out.clear()
            out.print(tables.overview(folder, history))
        if not watch or folder.holder() is None:
            return
        time.sleep(2)


@app.command(rich_help_panel=LOOK)
def explain(
    name: Name, trial: Annotated[int, typer.Argument(help="The trial's number.")], results: Results = None
) -> None:
    """Tell in words what was decided about a trial, and why."""
    from search import explain as explaining

    folder = _open(name, results)
    for line in explaining.explain(folder.spec(), folder.history(), trial):
        _say(line)


@app.command(rich_help_panel=LOOK)
def logs(
    name: Name, trial: Annotated[int, typer.Argument(help="The trial's number.")], results: Results = None
) -> None:
    """Print what a trial printed, and its traceback if it crashed."""
    folder = _open(name, results)
    if trial not in folder.history().trials:
        raise InputError(f"search {name} has no trial {trial}")
    log = folder.trial(trial).log
    sys.stdout.write(log.read_text() if log.exists() else f"trial {trial} has not begun\n")


@app.command(rich_help_panel=LOOK)
def report(name: Name, results: Results = None) -> None:
    """Write a search's page: results/NAME/index.html."""
    from search import report as reporting

    _say(str(reporting.report(name, results=results)))


@app.command(rich_help_panel=LOOK)
def ui(
    results: Results = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="On 127.0.0.1.")] = 5000,
) -> None:
    """Serve the MLflow UI over the results folder's store, on this machine alone."""
    from search import store
    from search import ui as serving

    sys.exit(serving.serve(store.results_root(results), port, _say))


@app.command(rich_help_panel=LOOK)
def sync(name: Name, results: Results = None) -> None:
    """Deliver to MLflow what it lacks of a search."""
    from search import tracking

    folder = _open(name, results)
    for each in (folder, *folder.confirmations()):
        delivered, different = tracking.sync(each)
        _say(f"delivered {delivered} events of {each.title}")
        if different:
            raise EnvironmentProblem(f"tracking: MLflow and the journal differ: {'; '.join(different)}")
    _say("MLflow has every trial and every epoch, once")


@app.command(rich_help_panel=TAKE)
def export(
    name: Name,
    top: Annotated[int, typer.Option("--top", help="How many of the best trials.")] = 1,
    results: Results = None,
) -> None:
    """Write the best configurations with their weights: best-1.yaml, best-1.pt, …"""
    from search import exports

    for path in exports.export(name, top=top, results=results):
        _say(str(path))


@app.command(rich_help_panel=TAKE)
def train(
    config: Annotated[Path, typer.Argument(help="An exported YAML file, or a plain trial config.")],
    test: Annotated[bool, typer.Option("--test", help="Score it on the test split too, which opens it.")] = False,
    again: Again = False,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Train one configuration again, and hold its score beside the exported one."""
    from search import exports
    from trainers.predictor import Predictor, score_split

    exported = exports.read_export(config)
    held_out = exports.held_out_images(config, exported, again=again, data=data) if test else None
    with _epochs_shown(exported.config.last_epoch, quiet=json_) as shown:
        trained = exports.train(exported, shown, data=data)
    comparison = exports.compare(exported, trained.result)
    if held_out is not None:
        comparison["test"] = score_split(Predictor(trained.checkpoint), held_out).metrics
    if json_:
        _print_json(comparison)
        return
    for line in exports.in_words(comparison):
        _say(line)


@app.command(rich_help_panel=TAKE)
def rm(
    name: Name,
    results: Results = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a search's folder; its runs in MLflow stay."""
    folder = _open(name, results)
    if (driven := folder.driven()) is not None:
        raise InputError(f"search {name} is run by {driven.holder()}; stop it first with `{folder.hint('stop')}`")
    if not yes and not typer.confirm(f"remove {folder.path} with everything in it?"):
        raise InputError("nothing was removed")
    shutil.rmtree(folder.path)


@app.command(rich_help_panel=MACHINE)
def doctor(results: Results = None, data: Data = None, json_: Json = False) -> None:
    """Say whether this machine is ready, and what to do where it is not."""
    from search import doctor as examining

    findings = []
    for finding in examining.examine(results, data):
        findings.append(finding)
        if not json_:
            _say(examining.in_words(finding))
    if json_:
        _print_json([vars(finding) for finding in findings])
    sys.exit(DONE if all(finding.ok for finding in findings) else BAD_ENVIRONMENT)


@app.command(rich_help_panel=MACHINE)
def schema() -> None:
    """Print the JSON Schema of a spec, for editors."""
    from spaces.spec import json_schema

    _print_json(json_schema())


@data_app.command("fetch")
def data_fetch(name: Annotated[str, typer.Argument(help="fmnist, digits or isic2018.")], data: Data = None) -> None:
    """Get a data set onto this machine."""
    from trainers.data import fetch

    fetch(name, data, _say)


@data_app.command("check")
def data_check(
    name: Annotated[str, typer.Argument(help="A data set's name, or a spec.")], data: Data = None, json_: Json = False
) -> None:
    """Count a data set: classes, splits, fingerprint."""
    from dataclasses import asdict

    from search import tables
    from spaces.spec import load_spec
    from trainers.data import check, default_config
    from trainers.data.catalog import OPEN_TRAIN

    config = default_config(name) if name in OPEN_TRAIN else load_spec(name).data
    checked = check(config, data)
    if json_:
        _print_json(asdict(checked))
    else:
        out.print(tables.data_counts(checked))


def _open(name: str, results: Path | None) -> Any:
    from search import store

    return store.open_folder(store.results_root(results), name)


def _conclude(found: Any, json_: bool) -> NoReturn:
    from search import conclusion, tables

    if json_:
        _print_json(tables.as_json(found.folder, found.history))
    else:
        for line in conclusion.in_words(found):
            _say(line)
    if found.reason == "interrupted":
        sys.exit(INTERRUPTED)
    sys.exit(DONE if found.history.ranked() else NOTHING_FINISHED)


def _say(line: Any) -> None:
    out.print(line, highlight=False, markup=False, soft_wrap=isinstance(line, str))


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


@contextmanager
def _epochs_shown(last: int, quiet: bool) -> Iterator[Callable[..., None]]:
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=quiet or not console.is_terminal, transient=True) as bar:
        task = bar.add_task("epochs", total=last)
        yield lambda step, metrics: bar.update(task, completed=step)
