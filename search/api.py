"""The words of the command line as functions: each joins the engine with what reports and shows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from search.display.on_console import ConsoleDisplay
from search.engine import confirmation, runner
from search.engine.confirmation import Confirmed
from search.engine.confirmation_plan import Wanted
from search.engine.final_step import with_last_step
from search.engine.interrupts import told_how_to_go_on
from search.engine.runner import SearchResult
from search.evidence.candidates import has_ended
from search.evidence.ranking import Basis, ranking
from search.exports import export as exports
from search.journal.history import Trial
from search.reporting.write import write_report
from search.storage.results_folder import open_folder
from search.storage.search_folder import results_root
from spaces.spec import SearchSpec, load_spec
from trainers.commands import told_in_hints
from trainers.errors import EnvironmentProblem

if TYPE_CHECKING:
    from search.evidence.evidence import Evidence

__all__ = ["Confirmation", "Confirmed", "SearchResult", "confirm", "export", "extend", "resume", "run"]


@told_in_hints
def run(
    spec: SearchSpec | str | Path,
    overrides: Sequence[str] = (),
    *,
    results: Path | None = None,
    data: Path | None = None,
    address: str | None = None,
    start_from: str | None = None,
    console: Console | None = None,
) -> SearchResult:
    """Run a new search to its end, and write its report.

    Args:
        spec: a spec, or the path of one, or the name of a ready one (demo, fmnist, digits, isic2018, study).
        overrides: PATH=VALUE texts that change a spec given by path or name, as `--set` does.
        results: the folder for what searches leave; by default AFCL_RESULTS, else ./results.
        data: the folder of data sets and caches; by default AFCL_DATA, else the platform's cache folder.
        address: "auto" or HOST:PORT of a running Ray cluster; None starts a Ray on this machine.
        start_from: the name of an older search on the same data, whose trials the sampler is told.
        console: where progress is shown; by default standard output.

    Raises:
        InputError: what was given is wrong. Nothing was written.
        EnvironmentProblem: the machine lacks something.
    """
    display = ConsoleDisplay(console)
    checked = spec if isinstance(spec, SearchSpec) else load_spec(str(spec), overrides)
    found = runner.run(
        checked,
        results=results,
        data=data,
        address=address,
        start_from=start_from,
        then=partial(with_last_step, data=data, address=address, display=display),
        display=display,
    )
    return _reported(found, data, display)


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
    console: Console | None = None,
) -> SearchResult:
    """Go on with a search that was interrupted or killed, from its journal, and write its report.

    Args:
        name: of the search.
        extend_by: so many proposed trials more than it was planned with; see `extend`.
        results: the folder for what searches leave; by default AFCL_RESULTS, else ./results.
        data: the folder of data sets and caches; by default AFCL_DATA, else the platform's cache folder.
        address: "auto" or HOST:PORT of a running Ray cluster; None starts a Ray on this machine.
        storage: the address of the store that has the search, where its folder is not here.
        anyway: go on also where the code that decides scores and decisions is not that which it began with.
        console: where progress is shown; by default standard output.

    Raises:
        InputError: there is no such search, or it may not go on here.
        EnvironmentProblem: the machine lacks something.
    """
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
    return _reported(found, data, display) if found.ran else found


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
    console: Console | None = None,
) -> SearchResult:
    """Go on with a search, finished or not, with `trials` proposed trials more; arguments and errors as of `resume`."""
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


@told_in_hints
def export(name: str, *, top: int = 1, by: Basis | None = None, results: Path | None = None) -> list[Path]:
    """Write a search's best configurations with their weights: best-1.yaml, best-1.pt, and so on; the YAML files.

    Args:
        name: of the search.
        top: how many of the best trials.
        by: what ranks them: "confirm" the mean of the last confirmation, "final" that of the last step, both on fresh
            seeds; "search" the scores of the search itself. None takes the first of these that there is.
        results: the folder for what searches leave; by default AFCL_RESULTS, else ./results.

    Raises:
        InputError: there is no such search or nothing to rank by, fewer trials finished, or a checkpoint is gone.
    """
    folder = open_folder(results_root(results), name)
    ranked = ranking(folder, folder.history(), by)

    def chosen(trial: Trial) -> exports.Choice:
        found = ranked.validated.get(trial.number)
        if found is None or not found.scores:
            return exports.Choice(trial)
        fresh = {"mean": found.mean, "standard_error": found.error, "seeds": len(found.scores)}
        return exports.Choice(trial, ranked.basis, fresh)

    return exports.export(folder, [chosen(trial) for trial in ranked.trials], top=top)


@dataclass(frozen=True)
class Confirmation:
    """What a confirmation came to. evidence: None where it was interrupted, or nothing finished."""

    confirmed: Confirmed
    evidence: "Evidence | None" = None


@told_in_hints
def confirm(
    name: str,
    *,
    top: int | None = None,
    seeds: int | None = None,
    smallest: float | None = None,
    until_decided: bool = False,
    max_seeds: int | None = None,
    again: bool = False,
    anyway: bool = False,
    allow_copies: bool = False,
    results: Path | None = None,
    data: Path | None = None,
    address: str | None = None,
    storage: str | None = None,
    console: Console | None = None,
    on_verdict: Callable[[Confirmed, "Evidence"], None] = lambda confirmed, evidence: None,
) -> Confirmation:
    """Confirm a search on fresh seeds and the test split: verdict.json, the page and the registered model.

    Args:
        name: of the search.
        top: so many of the best trials, besides the best of each loss (1).
        seeds: how many fresh ones (10); by default a confirmation that was begun goes on with its own.
        smallest: the smallest difference that matters (.01): it says first how many seeds that needs.
        until_decided: seeds in rounds for the pairs still open, until each has a winner or no difference of `smallest`.
        max_seeds: the most seeds that such rounds may take.
        again: open the test split once more, on other seeds.
        anyway: also with other code that decides scores than the search's, or than the confirmation began with.
        allow_copies: also on a test split that repeats training images, or with an image under two labels.
        results: the folder for what searches leave; by default AFCL_RESULTS, else ./results.
        data: the folder of data sets and caches; by default AFCL_DATA, else the platform's cache folder.
        address: "auto" or HOST:PORT of a running Ray cluster; None starts a Ray on this machine.
        storage: the address of the store that has the search, where its folder is not here.
        console: where progress is shown; by default standard output.
        on_verdict: is given the verdict when it stands, before the page and the model are made, which take seconds.

    Raises:
        InputError: there is nothing to confirm or no test split, the split was opened before (unless `again`), or it
            repeats training images (unless `allow_copies`).
        EnvironmentProblem: the machine lacks something.
    """
    from search.evidence.evidence import conclude  # scipy takes half a second
    from search.tracking import model_registry

    display = ConsoleDisplay(console)
    confirmed = confirmation.confirm(
        name,
        Wanted(top, seeds, smallest, until_decided, max_seeds),
        again=again,
        anyway=anyway,
        allow_copies=allow_copies,
        results=results,
        data=data,
        address=address,
        storage=storage,
        display=display,
    )
    if not has_ended(confirmed.folder):
        return Confirmation(confirmed)
    evidence = conclude(confirmed.folder, confirmed.test.labels)
    on_verdict(confirmed, evidence)
    display.say("writing the report")
    try:
        write_report(name, results=results, data=data)
    except EnvironmentProblem as problem:  # the verdict stands all the same
        display.say(str(problem))
    searched = confirmed.folder.searched
    display.say(model_registry.publish(searched, evidence, confirmed.test.images[:2], display.say))
    return Confirmation(confirmed, evidence)


def _reported(found: SearchResult, data: Path | None, display: ConsoleDisplay) -> SearchResult:
    """Write the report, once no driver holds the search: it says whether the search still runs."""
    with told_how_to_go_on(found.folder, display):
        try:
            written = write_report(found.folder.name, results=found.folder.root, data=data)
        except EnvironmentProblem as problem:  # the search is done all the same
            display.say(str(problem))
            return found
        if written.problem and not found.tracking_problem:  # else MLflow's silence is told of at the end
            display.say(written.problem)
        return found
