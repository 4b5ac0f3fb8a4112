"""The report of a search: one self-contained HTML page, which can be read offline.

Each section is a function of the view that returns None if there is nothing to show yet.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from search.evidence.ranking import ranking
from search.evidence.sensitivity import OperatingPoint, check_wanted, operating_points
from search.journal.history import best_of_cl
from search.reporting.ablation import ablation
from search.reporting.answer import answer
from search.reporting.confusions import confused_on_test
from search.reporting.contact_sheet import contact_sheet
from search.reporting.context import View, read_view
from search.reporting.cost import cost
from search.reporting.curves import learning_curves
from search.reporting.dependence import dependences
from search.reporting.early_signal import early_signal
from search.reporting.embedding import embeddings
from search.reporting.families import families
from search.reporting.figures import maps, optimisation_history, slices
from search.reporting.html import Section, fill, page
from search.reporting.importance import importances
from search.reporting.judged_images import judged_images
from search.reporting.leaderboard import as_csv, leaderboard
from search.reporting.parallel_coordinates import parallel_coordinates
from search.reporting.per_class import recalls
from search.reporting.pictures import KINDS, Kind, write_pictures
from search.reporting.range_edges import edges
from search.reporting.thresholds import thresholds
from search.reporting.two_measures import two_measures
from search.reporting.verdict_section import verdict
from search.storage.fetch import bring_checkpoints, bring_results
from search.storage.published import need_journal
from search.storage.results_folder import open_folder
from search.storage.search_folder import SPEC, SearchFolder, results_root
from search.tracking.report_upload import log_report
from trainers.commands import TAKEN_BY, command_line
from trainers.errors import EnvironmentProblem, InputError
from trainers.files import write_atomically


def reproduction(view: View) -> Section | None:
    """The commands that repeat the search, and the versions and data that the result depends on."""
    made = view.about["provenance"]
    versions = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
    best, _ = view.folder.exported(1)
    nowhere = dict.fromkeys(TAKEN_BY)  # the page is read on other machines too
    commands = (
        f"{command_line('search', SPEC, name='again', **nowhere)}   # the file below\n"
        f"{command_line('export', view.folder.name, top=min(3, max(1, len(view.ranked))), **nowhere)}\n"
        f"{command_line('train', best.name, **nowhere)}   # the same score, to the last digit, on the same CPU kind "
        "and versions"
    )
    origin = (
        f"Commit {made['git_commit']}; {versions}; {made['machine']['cpu']}; "
        f"data fingerprint {made['data']['fingerprint'][:16]}."
    )
    written = fill("sections.html", "reproduction", commands, origin, SPEC, view.spec.dump_yaml())
    return Section("How to reproduce", written)


SECTIONS: tuple[Callable[[View], Section | None], ...] = (
    answer,
    verdict,
    leaderboard,
    families,
    ablation,
    learning_curves,
    optimisation_history,
    parallel_coordinates,
    maps,
    slices,
    dependences,
    importances,
    early_signal,
    two_measures,
    recalls,
    confused_on_test,
    thresholds,
    contact_sheet,
    judged_images,
    embeddings,
    edges,
    cost,
    reproduction,
)


@dataclass(frozen=True)
class Written:
    """What `report` wrote.

    Attributes:
        page: the HTML file.
        pictures: the paths of the figures that were written as files.
        problem: what the report lacks, and why it was not uploaded to MLflow; None if nothing went wrong.
        points: the thresholds for the sensitivities that were asked for.
    """

    page: Path
    pictures: tuple[Path, ...]
    problem: str | None
    points: tuple[OperatingPoint, ...] = ()


def report(
    name: str,
    *,
    png: bool = False,
    figures: Kind | None = None,
    sensitivity: Mapping[str, float] | None = None,
    results: Path | None = None,
    data: Path | None = None,
) -> Written:
    """Write results/NAME/index.html and leaderboard.csv. The search may be running.

    Args:
        name: the search's name.
        png: whether to write each figure as a PNG too, into figures/.
        figures: the file format, png, svg or pdf, in which to write each figure too, into figures/; None writes none.
        sensitivity: the wanted sensitivity by class, such as {"melanoma": 0.9}. The page then has the thresholds with
            which the best trial reaches these sensitivities.
        results: the folder of results.
        data: the folder of data sets and caches, for pictures of validation images and for thresholds.

    Raises:
        InputError: there is no such search, class or kind of figure, or nothing to choose a threshold on. Nothing was
            written.
        EnvironmentProblem: there is no browser for figures, the images for a threshold are not here, or the search's
            store does not answer when a threshold needs it.
    """
    folder, wanted = open_folder(results_root(results), name), sensitivity or {}
    if figures not in (None, *KINDS):
        raise InputError(f"--figures: must be one of {', '.join(KINDS)}, but got {figures}")
    need_journal(folder, "report")
    check_wanted(folder, wanted)
    unbrought = _bring_what_it_shows(folder)
    view = read_view(folder, data)
    view = replace(view, points=operating_points(folder, view.ranked, wanted, data))
    sections = sections_of(view)
    write_atomically(folder.report, page(folder.name, sections).encode())
    write_atomically(folder.leaderboard, as_csv(view).encode())
    shown = [figure for section in sections for figure in section.figures]
    asked: tuple[Kind | None, ...] = ("png" if png else None, figures)
    kinds = dict.fromkeys(kind for kind in asked if kind is not None)
    pictures = tuple(path for kind in kinds for path in write_pictures(shown, folder.figures, kind))
    problems = [problem for problem in (unbrought, log_report(folder, pictures)) if problem is not None]
    return Written(folder.report, pictures, "; ".join(problems) or None, view.points)


def _bring_what_it_shows(folder: SearchFolder) -> str | None:
    """Fetch the results and the checkpoints that the page needs from the search's store, if the search has one.

    Returns a line that says why they cannot be fetched; None if nothing went wrong.
    """
    try:
        bring_results(folder)
        history = folder.history()
        pictured = [*ranking(folder, history).trials[:1], *filter(None, [best_of_cl(history)])]
        missing = [trial.number for trial in pictured if not folder.trial(trial.number).embedding.exists()]
        bring_checkpoints(folder, missing)
    except EnvironmentProblem as problem:
        return f"{problem}: the report lacks the results that only the store has"
    return None


def render(folder: SearchFolder, data: Path | None = None) -> str:
    """The text of a report's HTML page. No page is written."""
    return page(folder.name, sections_of(read_view(folder, data)))


def sections_of(view: View) -> list[Section]:
    """The sections of the page in order, without those that have nothing to show."""
    return [section for make in SECTIONS if (section := make(view)) is not None]
