"""The functions that plan and run a search. Each joins the engine with the display and the report.

The engine needs torch and Ray, which take seconds to import. So each function imports the engine when it is called, and
a module that needs only `checked_spec` can import it from here without loading torch or Ray.
"""

import json
import os
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, TypeAlias

from search.handle import SearchResult
from search.outcomes import Planned
from search.reporting.write import write_report
from search.storage.results_folder import folder_named
from search.storage.search_folder import results_root
from spaces.overrides import apply_override
from spaces.spec import SearchSpec, load_spec, parse_spec
from trainers.commands import told_in_hints
from trainers.errors import EnvironmentProblem, InputError

if TYPE_CHECKING:
    from rich.console import Console

    from search.display.on_console import ConsoleDisplay
    from search.engine.runner import SessionEnd

Spec: TypeAlias = SearchSpec | Mapping[str, Any] | str | Path


def checked_spec(
    spec: Spec,
    overrides: Sequence[str] = (),
    *,
    name: str | None = None,
    trials: int | None = None,
    tracking_uri: str | None = None,
    storage: str | None = None,
) -> SearchSpec:
    """Read a spec in any of its forms, apply the changes, check the result and return it.

    Args:
        spec: a path, the name of a ready search, the values that a YAML file would hold, or a SearchSpec.
        overrides: PATH=VALUE texts that change the spec, as `--set` does.
        name: the search's name, in place of the spec's.
        trials: how many trials the sampler proposes, in place of the spec's number.
        tracking_uri: the address of MLflow's store or server, in place of the spec's.
        storage: the address of a store that keeps the search even if this host is lost, in place of the spec's.

    Raises:
        InputError: the spec is wrong. The message has one line with the path, the rule and the value.
    """
    given = {"search.trials": trials, "tracking.uri": tracking_uri or None, "storage.uri": storage or None}
    changes = [*overrides, *(f"{path}={json.dumps(value)}" for path, value in given.items() if value is not None)]
    if isinstance(spec, str | Path):
        return load_spec(spec, changes, name)
    if isinstance(spec, SearchSpec) and not changes and name is None:
        return spec
    values = _plain(spec.dump() if isinstance(spec, SearchSpec) else spec)
    for text in changes:
        apply_override(SearchSpec, values, text)
    return parse_spec(values if name is None else values | {"name": name})


def store_for(spec: Spec, storage: str | None) -> str | None:
    """The address to put into the spec as its store: `storage`, else AFCL_STORAGE; None leaves the spec's own.

    For a SearchSpec, AFCL_STORAGE is not read.
    """
    return storage or (None if isinstance(spec, SearchSpec) else os.environ.get("AFCL_STORAGE"))


def _plain(value: Any) -> Any:
    """A copy of a spec's values with dicts for mappings and texts for paths, which overrides can change."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return str(value) if isinstance(value, PurePath) else deepcopy(value)


@told_in_hints
def plan(
    spec: Spec,
    overrides: Sequence[str] = (),
    *,
    name: str | None = None,
    trials: int | None = None,
    calibrate: bool = False,
    data: Path | None = None,
) -> Planned:
    """Say what a search would cost: rungs, epochs, disk space, and the validation score's error.

    No folder is made for the search, and no epoch runs unless `calibrate` is set.

    Args:
        spec: a path, the name of a ready search, the values that a YAML file would hold, or a SearchSpec.
        overrides: PATH=VALUE texts that change the spec, as `--set` does.
        name: the search's name, in place of the spec's.
        trials: how many trials the sampler proposes, in place of the spec's number.
        calibrate: also time an epoch of each stage on this machine.
        data: the folder of data sets and caches; by default AFCL_DATA, else the platform's cache folder.

    Raises:
        InputError: the spec is wrong, or does not fit the data.
        EnvironmentProblem: the data, or a package or weights that the encoder needs, are not on this machine.
        DivergedError: the loss was not finite in an epoch that was timed.
    """
    from search.engine import plan as planning
    from search.engine.advice import remarks
    from search.engine.first_parts import tried
    from search.engine.image_check import check_images
    from trainers.data import load, missing_test

    checked = checked_spec(spec, overrides, name=name, trials=trials)
    arrays = load(checked.data, data)
    planning.check_workers(checked, arrays)
    check_images(checked, arrays)
    tried(checked, arrays.train.images.shape[1:])
    made = planning.make_plan(checked, arrays)
    timed = planning.calibrate(checked, arrays) if calibrate else None
    notes = tuple(remarks(checked, arrays, missing_test(checked.data, data)))
    lines = (*planning.in_words(checked, arrays, made, timed), *(f"note        {note}" for note in notes))
    return Planned(made, notes, timed, lines)


@told_in_hints
def run(
    spec: Spec,
    overrides: Sequence[str] = (),
    *,
    name: str | None = None,
    trials: int | None = None,
    results: Path | None = None,
    data: Path | None = None,
    address: str | None = None,
    start_from: str | None = None,
    tracking_uri: str | None = None,
    storage: str | None = None,
    console: "Console | None" = None,
) -> SearchResult:
    """Run a new search to its end, and write its report. On the command line this is `afcl search`.

    Args:
        spec: a path, the name of a ready search (demo, fmnist, digits, isic2018, study), the values that a YAML file
            would hold, or a SearchSpec.
        overrides: PATH=VALUE texts that change the spec, as `--set` does.
        name: the search's name, in place of the spec's.
        trials: how many trials the sampler proposes, in place of the spec's number.
        results: the results folder, which holds all searches; by default AFCL_RESULTS, else ./results.
        data: the folder of data sets and caches; by default AFCL_DATA, else the platform's cache folder.
        address: "auto" or HOST:PORT of a running Ray cluster. None uses the cluster that this process is connected to,
            or else starts Ray on this machine.
        start_from: the name of an older search on the same data. The new search's sampler starts from the results of
            that search's trials.
        tracking_uri: the address of MLflow's store or server, in place of the spec's.
        storage: the address of a store that keeps the search even if this host is lost, in place of the spec's. The
            default is AFCL_STORAGE; for a SearchSpec it is the spec's own store.
        console: where progress is shown; by default standard output. A notebook shows it as one block below the cell.

    Raises:
        InputError: an argument or the spec is wrong. Nothing was written.
        EnvironmentProblem: this machine lacks something that the search needs.
    """
    from search.display.on_console import ConsoleDisplay
    from search.engine import runner
    from search.engine.final_step import with_last_step

    store = store_for(spec, storage)
    checked = checked_spec(spec, overrides, name=name, trials=trials, tracking_uri=tracking_uri, storage=store)
    display = ConsoleDisplay(console)
    found = runner.run(
        checked,
        results=results,
        data=data,
        address=address,
        start_from=start_from,
        then=partial(with_last_step, data=data, address=address, display=display),
        display=display,
    )
    _write_page(found, data, display)
    return SearchResult(found, data=data, address=address, console=console)


@told_in_hints
def resume(
    name: str,
    *,
    extend_by: int = 0,
    results: Path | None = None,
    data: Path | None = None,
    address: str | None = None,
    storage: str | None = None,
    anyway: bool = False,
    console: "Console | None" = None,
) -> SearchResult:
    """Go on with a search that was interrupted or killed, from where its journal ends, and write its report.

    A search that is complete is returned as it is.

    Args:
        name: the search's name.
        extend_by: how many trials the sampler proposes in addition to those planned so far; see `extend`.
        results: the results folder, which holds all searches; by default AFCL_RESULTS, else ./results.
        data: the folder of data sets and caches; by default AFCL_DATA, else the platform's cache folder.
        address: "auto" or HOST:PORT of a running Ray cluster; see `run`.
        storage: the address of the store that has the search; needed if its folder is not on this machine.
        anyway: go on even if the code that computes scores, or that decides which trials stop, has changed since the
            search began.
        console: where progress is shown; see `run`.

    Raises:
        InputError: there is no such search, it is kept in another store than `storage`, or it began on other data, or
            with other code (unless `anyway`).
        EnvironmentProblem: this machine lacks something that the search needs, or another driver runs the search.
    """
    from search.display.on_console import ConsoleDisplay
    from search.engine import runner
    from search.engine.final_step import with_last_step

    display = ConsoleDisplay(console)
    found = runner.resume(
        name,
        extend_by=extend_by,
        results=results,
        data=data,
        address=address,
        storage=storage,
        anyway=anyway,
        then=partial(with_last_step, data=data, address=address, anyway=anyway, display=display),
        display=display,
    )
    if found.ran:
        _write_page(found, data, display)
    return SearchResult(found, data=data, address=address, console=console)


@told_in_hints
def extend(
    name: str,
    trials: int,
    *,
    results: Path | None = None,
    data: Path | None = None,
    address: str | None = None,
    storage: str | None = None,
    anyway: bool = False,
    console: "Console | None" = None,
) -> SearchResult:
    """Add trials to a search, run all its trials that have not ended, and write its report.

    Args:
        name: the search's name.
        trials: how many more trials the sampler proposes.
        results: the results folder, which holds all searches; by default AFCL_RESULTS, else ./results.
        data: the folder of data sets and caches; by default AFCL_DATA, else the platform's cache folder.
        address: "auto" or HOST:PORT of a running Ray cluster; see `run`.
        storage: the address of the store that has the search; needed if its folder is not on this machine.
        anyway: go on even if the code that computes scores, or that decides which trials stop, has changed since the
            search began.
        console: where progress is shown; see `run`.

    Raises:
        InputError: the search's grid has no more points; else see `resume`.
        EnvironmentProblem: see `resume`.
    """
    return resume(
        name,
        extend_by=trials,
        results=results,
        data=data,
        address=address,
        storage=storage,
        anyway=anyway,
        console=console,
    )


def stop(name: str, *, address: str | None = None, results: Path | None = None) -> str:
    """Ask a running search to stop. Its trials stop at their last checkpoints, and the search can be resumed.

    Args:
        name: the search's name.
        address: for a submitted search, the dashboard of its cluster, http://HEAD:8265. With None, the
            request is written into the search's folder.
        results: the results folder, which holds all searches; by default AFCL_RESULTS, else ./results.

    Returns:
        A sentence that says who was asked and how to go on. A submitted search has stopped when this returns.

    Raises:
        InputError: there is no such search, or it is not running.
        EnvironmentProblem: the cluster does not answer, or the search did not stop in time.
    """
    if address is not None:
        from search.cluster import submit

        return submit.stop(address, name)
    folder = folder_named(results_root(results), name)
    if (driven := folder.driven()) is None:
        raise InputError(f"search {name} is not running")
    driven.ask_to_stop()
    return f"asked {driven.holder()} to stop {name}; go on with `{driven.hint('resume')}`"


def _write_page(found: "SessionEnd", data: Path | None, display: "ConsoleDisplay") -> None:
    """Write the report. The driver must have released the search, as the report says whether the search is running."""
    from search.engine.interrupts import told_how_to_go_on

    with told_how_to_go_on(found.folder, display):
        try:
            written = write_report(found.folder.name, results=found.folder.root, data=data)
        except EnvironmentProblem as problem:  # a missing page must not make the search fail
            display.say(str(problem))
            return
        if written.problem and not found.tracking_problem:  # the caller reports a tracking problem at the end
            display.say(written.problem)
