"""A search as its report sees it: read once, so that all sections tell of the same moment; and the words they share."""

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

if TYPE_CHECKING:
    from search.evidence.evidence import Evidence

COLOURS = {"CL": "#5778a4", "FCL": "#e49444", "ACL": "#6a9f58", "AFCL": "#d1615d"}  # a family each
COLOURS |= {"CE": "#85679c", "FOCAL": "#967662", "LA": "#3b8f8c"}
GREY = "#8a8f96"  # legible on light and dark paper
_WORDS = {
    "loss.eta": "η, weight of negative pairs",
    "loss.gamma": "γ, focusing",
    "loss.temperature": "τ, temperature",
    "representation.lr": "learning rate of the representation",
    "classifier.lr": "learning rate of the classifier",
    "cross_entropy.lr": "learning rate of CE",
    "focal.lr": "learning rate of FOCAL",
    "focal.gamma": "γ of FOCAL",
    "logit_adjusted.lr": "learning rate of LA",
    "logit_adjusted.tau": "τ of LA",
}


@dataclass(frozen=True)
class View:
    """What the sections of a report look at.

    data: as `--data`, for the one section that looks at images. points: the thresholds that were asked for.
    """

    folder: SearchFolder
    spec: SearchSpec
    about: dict[str, Any]
    events: tuple[Event, ...]
    history: History
    data: Path | None = None
    points: tuple[OperatingPoint, ...] = ()

    @property
    def metric(self) -> str:
        """The key of the search's metric."""
        return self.spec.search.metric_key

    @property
    def metric_words(self) -> str:
        """The metric as an axis names it."""
        return f"{self.spec.search.metric.replace('_', ' ')} (validation)"

    @property
    def deciding_words(self) -> str:
        """What the search decided by, as an axis names it."""
        return f"{self.spec.deciding_key.removeprefix('val_').replace('_', ' ')} (validation)"

    @cached_property
    def ranking(self) -> Ranking:
        """What ranks the finished trials: their mean on fresh seeds where the best few have one."""
        return ranking(self.folder, self.history)

    @property
    def ranked(self) -> list[Trial]:
        """Finished trials, best first."""
        return self.ranking.trials

    @cached_property
    def drawn(self) -> list[Trial]:
        """The trials that figures of points and lines draw, by number: all but where they are very many."""
        return thinned(self.history.trials.values(), self.spec.search.seed)

    @property
    def drawn_in_words(self) -> str:
        """A sentence on which they are, to put after a caption; nothing where they are all."""
        return thinned_in_words(len(self.history.trials))

    @property
    def validation(self) -> dict[str, int]:
        """Validation images by class."""
        return dict(self.about["provenance"]["data"]["validation"])

    def error_of(self, trial: Trial) -> float | None:
        """The standard error of a finished trial's score from the validation images; None where none is known."""
        return error_of_score(trial, self.spec.search.metric, self.validation)


def read_view(folder: SearchFolder, data: Path | None = None) -> View:
    """Look at a search as it stands now."""
    events = tuple(event for event, _ in read_events(folder.journal))
    return View(folder, folder.spec(), folder.about(), events, folder.history(), data)


def evidence_of(view: View) -> "Evidence | None":
    """What the search's last weighed confirmation came to; None where there is none."""
    if not any(folder.verdict.exists() for folder in view.folder.confirmations()):
        return None
    from search.evidence.evidence import read_evidence  # a second, for scipy

    return read_evidence(view.folder)


def words(path: str) -> str:
    """A field's name as an axis has it: `τ, temperature`, `weight decay (representation)`."""
    section, _, name = path.rpartition(".")
    return _WORDS.get(path, f"{name.replace('_', ' ')} ({section})" if section else name)


def named(trial: Trial) -> str:
    """A trial in a few words: `trial 7, ACL baseline`."""
    return f"trial {trial.number}, {trial.family}{' baseline' if trial.baseline else ''}"


def hover(trial: Trial) -> str:
    """What a pointer on a trial's mark reads."""
    values = "<br>".join(f"{symbol(path)} = {short(value)}" for path, value in trial.values.items())
    return f"{named(trial)}<br>{STATE_WORDS[trial.state]} at epoch {trial.epoch}<br>{values}"


def mark(trial: Trial) -> str:
    """The shape of a trial's mark; `MARKS` says it in words."""
    return {"finished": "circle", "stopped": "x-thin-open", "failed": "triangle-down"}.get(trial.state, "circle-open")


MARKS = "● finished, × stopped (its last value, from the probe), ▾ failed, ○ running or begun."
