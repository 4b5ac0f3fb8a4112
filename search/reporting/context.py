"""The state of a search for its report, and the words that its sections share.

The state is read once, so that all sections show the same moment.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.evidence.ranking import Ranking, ranking
from search.evidence.sensitivity import OperatingPoint
from search.evidence.standard_error import error_of_score
from search.journal.history import STATE_WORDS, History, Trial
from search.journal.labels import short, symbol
from search.journal.log import Event, read_events
from search.reporting.thinning import thinned, thinned_in_words
from search.storage.search_folder import SearchFolder
from spaces.spec import SearchSpec
from trainers.commands import TAKEN_BY, command_line
from trainers.errors import InputError
from trainers.loss_config import OWN_LOSS, in_order

if TYPE_CHECKING:
    from search.evidence.evidence import Evidence
    from trainers.data import TrialData

COLOURS = {"CL": "#5778a4", "FCL": "#e49444", "ACL": "#6a9f58", "AFCL": "#d1615d"}  # by family
COLOURS |= {"CE": "#85679c", "FOCAL": "#967662", "LA": "#3b8f8c"}
COLOURS |= {"BCL": "#b0a03a", "KCL": "#d37295", "SUPMIN": "#5b8c3a"}
OF_OWN_LOSSES = ("#c2679c", "#7a8b2f", "#4f6d7a", "#a0522d")  # of the user's own losses, in the spec's order
GREY = "#8a8f96"  # legible on light and dark paper
_WORDS = {
    "loss.eta": "η, weight of negative pairs",
    "loss.gamma": "γ, focusing",
    "loss.temperature": "τ, temperature",
    "representation.lr": "learning rate of the representation",
    "classifier.lr": "learning rate of the classifier",
    "classifier.fine_tune_lr": "learning rate of fine-tuning",
    "cross_entropy.lr": "learning rate of CE",
    "focal.lr": "learning rate of FOCAL",
    "focal.gamma": "γ of FOCAL",
    "logit_adjusted.lr": "learning rate of LA",
    "logit_adjusted.tau": "τ of LA",
    "balanced_contrastive.temperature": "τ of BCL, temperature",
    "k_positive.k": "k of KCL, positives beside the views",
    "k_positive.temperature": "τ of KCL, temperature",
    "supervised_minority.temperature": "τ of SUPMIN, temperature",
}


@dataclass(frozen=True)
class View:
    """The state of a search, as the sections of a report show it.

    Attributes:
        folder: the search.
        spec: its spec.
        about: the content of search.json.
        events: the journal's events.
        history: the search's history.
        data: the folder of data sets and caches, for the sections that read images.
        points: the thresholds that were asked for with `--sensitivity`.
        is_looked_at: whether the live page draws the report. Then nothing may be computed from images, and nothing
            may be written into the folder.
    """

    folder: SearchFolder
    spec: SearchSpec
    about: dict[str, Any]
    events: tuple[Event, ...]
    history: History
    data: Path | None = None
    points: tuple[OperatingPoint, ...] = ()
    is_looked_at: bool = False

    @property
    def metric(self) -> str:
        """The key of the search's metric."""
        return self.spec.search.metric_key

    @property
    def metric_words(self) -> str:
        """The name of the search's metric on an axis."""
        return f"{self.spec.search.metric.replace('_', ' ')} (validation)"

    @property
    def deciding_words(self) -> str:
        """The name on an axis of the deciding measure, by which trials are ranked and stopped."""
        return f"{self.spec.deciding_key.removeprefix('val_').replace('_', ' ')} (validation)"

    def colour_of(self, family: str) -> str:
        """The colour that a family has in every table and figure."""
        if family in COLOURS:
            return COLOURS[family]
        own = self.spec.own_families
        return OF_OWN_LOSSES[own.index(family) % len(OF_OWN_LOSSES)] if family in own else GREY

    @cached_property
    def ranking(self) -> Ranking:
        """The ranking of the finished trials: by means on fresh seeds if known, else by the deciding measure."""
        return ranking(self.folder, self.history)

    @property
    def ranked(self) -> list[Trial]:
        """Finished trials, best first."""
        return self.ranking.trials

    def merit(self, trial: Trial) -> float | None:
        """The value that ranks a finished trial: its mean on fresh seeds if known, else its deciding measure."""
        found = self.ranking.validated.get(trial.number)
        if found is not None and found.scores:
            return round(found.mean, 9)
        return trial.score if trial.decided is None else trial.decided

    @property
    def ranked_between(self) -> tuple[float, float]:
        """The lowest and the highest score of the finished trials. At least one trial must have finished."""
        scores = [trial.score for trial in self.ranked if trial.score is not None]
        return min(scores), max(scores)

    @cached_property
    def drawn(self) -> list[Trial]:
        """The trials that figures of points and lines draw, by number: all, or a sample if there are too many."""
        return thinned(self.history.trials.values(), self.spec.search.seed)

    @property
    def drawn_in_words(self) -> str:
        """A sentence for a caption that says which trials are drawn; empty if all trials are drawn."""
        return thinned_in_words(len(self.history.trials))

    @property
    def validation(self) -> dict[str, int]:
        """The number of validation images of each class."""
        return dict(self.about["provenance"]["data"]["validation"])

    @cached_property
    def images(self) -> "TrialData":
        """The search's images, which are loaded at the first use.

        Raises InputError if the images on this machine are not those of the search, or if `is_looked_at` is set. Raises
        EnvironmentProblem if there are no images here.
        """
        if self.is_looked_at:
            told = command_line("report", self.folder.name, **dict.fromkeys(TAKEN_BY))  # the folder may be a copy
            raise InputError(f"`{told}` computes it")
        from trainers.data import load  # imported only here: torch takes seconds

        data = load(self.spec.data, self.data)
        if data.fingerprint != self.about["provenance"]["data"]["fingerprint"]:
            raise InputError("the data here is not what the search ran on")
        return data

    def error_of(self, trial: Trial) -> float | None:
        """The standard error of a finished trial's score from the choice of validation images; None if unknown."""
        return error_of_score(trial, self.spec.search.metric, self.validation)


def read_view(folder: SearchFolder, data: Path | None = None) -> View:
    """Read the present state of a search."""
    events = tuple(event for event, _ in read_events(folder.journal))
    return View(folder, folder.spec(), folder.about(), events, folder.history(), data)


def evidence_of(view: View) -> "Evidence | None":
    """The results of the search's last confirmation with a verdict; None if there is none."""
    if not any(folder.verdict.exists() for folder in view.folder.confirmations()):
        return None
    from search.evidence.evidence import read_evidence  # imported only here: scipy takes a second

    return read_evidence(view.folder)


def families_in(trials: Iterable[Trial]) -> list[str]:
    """The families of the trials, each once, in the fixed order that all tables and figures use."""
    return in_order(trial.family for trial in trials)


def words(path: str) -> str:
    """A field's name on an axis: `τ, temperature`, `weight decay (representation)`."""
    section, _, name = path.removeprefix(f"{OWN_LOSS}.").rpartition(".")
    return _WORDS.get(path, f"{name.replace('_', ' ')} ({section})" if section else name)


def named(trial: Trial) -> str:
    """A trial in a few words: `trial 7, ACL baseline`."""
    return f"trial {trial.number}, {trial.family}{' baseline' if trial.baseline else ''}"


def hover(trial: Trial) -> str:
    """The text that is shown when the pointer is on a trial's mark."""
    values = "<br>".join(f"{symbol(path)} = {short(value)}" for path, value in trial.values.items())
    return f"{named(trial)}<br>{STATE_WORDS[trial.state]} at epoch {trial.epoch}<br>{values}"


def mark(trial: Trial) -> str:
    """The plotly symbol that marks a trial in this state; `MARKS` explains the symbols."""
    return {"finished": "circle", "stopped": "x-thin-open", "failed": "triangle-down"}.get(trial.state, "circle-open")


MARKS = "● finished, × stopped (its last value, from the probe), ▾ failed, ○ running, paused or begun."
