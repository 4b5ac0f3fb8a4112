"""The function that confirms a search. It joins the engine with the verdict, the report and the registered model."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from search.evidence.candidates import has_ended
from search.outcomes import Confirmation
from search.reporting.write import write_report
from trainers.commands import told_in_hints
from trainers.errors import EnvironmentProblem

if TYPE_CHECKING:
    from rich.console import Console

    from search.engine.confirmation import Confirmed
    from search.evidence.evidence import Evidence


@told_in_hints
def confirm(
    name: str,
    *,
    top: int | None = None,
    seeds: int | None = None,
    smallest: float | None = None,
    until_decided: bool = False,
    max_seeds: int | None = None,
    ablation: bool = False,
    again: bool = False,
    anyway: bool = False,
    allow_copies: bool = False,
    results: Path | None = None,
    data: Path | None = None,
    address: str | None = None,
    storage: str | None = None,
    console: "Console | None" = None,
    on_verdict: "Callable[[Confirmed, Evidence], None]" = lambda confirmed, evidence: None,
) -> Confirmation:
    """Confirm a search: train its best trials on fresh seeds and score them on the test split.

    This writes verdict.json, a picture of test images and the report page, and registers the winner's model in MLflow.

    Args:
        name: the search's name.
        top: how many of the best trials to confirm, besides the best trial of each loss. The default is 1.
        seeds: the number of fresh seeds. The default is the number of a confirmation that was begun, else 10.
        smallest: the smallest difference in the metric that matters. The default is .01. Before anything
            runs, the console shows how many seeds are needed to find such a difference.
        until_decided: run seeds in rounds for the pairs that are still open. A pair is decided when it has a winner, or
            when a difference of `smallest` is ruled out.
        max_seeds: the most seeds that these rounds may take.
        ablation: also run an ablation on the same seeds. It starts from the best CL trial and changes η, γ, τ and the
            learning rate one after the other, up to the best trial of FCL, ACL and AFCL. Each step is a configuration
            that runs.
        again: open the test split once more, on other seeds.
        anyway: go on even if the code that computes scores, or that decides which trials stop, has changed since the
            search or this confirmation began.
        allow_copies: accept a test split that repeats training images, or that has an image under two labels.
        results: the results folder, which holds all searches; by default AFCL_RESULTS, else ./results.
        data: the folder of data sets and caches; by default AFCL_DATA, else the platform's cache folder.
        address: "auto" or HOST:PORT of a running Ray cluster; see `run`.
        storage: the address of the store that has the search; needed if its folder is not on this machine.
        console: where progress is shown; see `run`.
        on_verdict: is called with the confirmation and its evidence as soon as the verdict is known. Writing the page
            and registering the model take seconds more.

    Raises:
        InputError: there is nothing to confirm or no test split, the split was opened before (unless `again`), it
            repeats training images (unless `allow_copies`), or no run finished.
        EnvironmentProblem: this machine lacks something that the search needs.
    """
    from search.display.on_console import ConsoleDisplay
    from search.engine import confirmation
    from search.engine.confirmation_plan import Wanted
    from search.engine.judged_sheet import leave_judged_test
    from search.evidence.evidence import conclude
    from search.tracking import model_registry

    display = ConsoleDisplay(console)
    confirmed = confirmation.confirm(
        name,
        Wanted(top, seeds, smallest, until_decided, max_seeds, ablation),
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
    run = model_registry.best_run(confirmed.folder, evidence)
    what = f"{evidence.best.label} ({run.note}), its run with the best validation score"
    leave_judged_test(confirmed.folder, run.number, what, confirmed.test, display.say)
    display.say("writing the report")
    page = None
    try:
        page = write_report(name, results=results, data=data).page
    except EnvironmentProblem as problem:  # the verdict is valid without the page
        display.say(str(problem))
    published = model_registry.publish(confirmed.folder.searched, evidence, confirmed.test.images[:2], display.say)
    display.say(published.words)
    return Confirmation(confirmed, evidence, confirmed.folder.verdict, page, published.model)
