"""What the functions of `search` return: plain values for a program, some with lines of text for a person."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.data_config import DataConfig

if TYPE_CHECKING:
    from search.engine.confirmation import Confirmed
    from search.engine.plan import Calibration, Plan
    from search.evidence.evidence import Evidence
    from trainers.data import DataCheck


@dataclass(frozen=True, repr=False)
class Planned:
    """What a search would cost."""

    plan: "Plan"
    notes: tuple[str, ...]  # warnings about the plan, to read before the search starts
    calibration: "Calibration | None"  # None if no epoch was timed
    lines: tuple[str, ...]  # the whole plan as text

    def as_json(self) -> dict[str, Any]:
        """Plain values, as `afcl plan --json` prints them."""
        timed = {} if self.calibration is None else {"calibration": vars(self.calibration)}
        return self.plan.as_json() | {"notes": list(self.notes)} | timed

    def __repr__(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True)
class BestTrial:
    """The best trial of a search, in a list of searches."""

    trial: int
    family: str
    score: float | None


@dataclass(frozen=True)
class Listed:
    """One search of a results folder."""

    name: str
    state: str  # "damaged" if it cannot be read
    trials: int  # how many were begun so far
    planned: int | None  # how many trials it will have; None if it is damaged
    counts: str  # how many trials are in each state, in words
    best: BestTrial | None
    begun: str | None  # ISO 8601, in UTC
    seconds: float | None  # that its drivers have run, killed ones too; None if that is not known
    waits: list[str]  # the commands to run next, out of resume, confirm, export and sync
    data: str  # the data set; for a damaged search, what is wrong with the search
    verdict: str | None = None  # what its last confirmation said, in a sentence

    def as_json(self) -> dict[str, Any]:
        """Plain values, as `afcl list --json` prints them."""
        return asdict(self)


@dataclass(frozen=True, repr=False)
class Confirmation:
    """The outcome of a confirmation, and what it wrote.

    Everything but `confirmed` is None if not all runs have ended, for example because of an interruption.
    """

    confirmed: "Confirmed"
    evidence: "Evidence | None" = None
    verdict: Path | None = None  # verdict.json, which has the numbers
    page: Path | None = None  # the search's report page; None also if plotly is not installed
    model: str | None = None  # models:/NAME/VERSION; None also if MLflow did not take it

    @property
    def sentences(self) -> list[str]:
        """The verdict, a sentence each; empty if there is no verdict."""
        from search.evidence.evidence import in_words

        return [] if self.evidence is None else list(in_words(self.evidence))

    def __repr__(self) -> str:
        return "\n".join([f"<Confirmation {self.confirmed.folder.title}: {self.confirmed.ended}>", *self.sentences])


@dataclass(frozen=True)
class CheckedData:
    """The counts of a data set, and the section of a spec that names the data set."""

    counts: "DataCheck"
    config: DataConfig  # the section `data` of a spec
    section: str | None = None  # the same section as one line of YAML; only for a folder of images
    sheet: Path | None = None  # the contact sheet, if one was asked for

    def as_json(self) -> dict[str, Any]:
        """Plain values, as `afcl data check --json` prints them."""
        return asdict(self.counts) | ({} if self.sheet is None else {"sheet": str(self.sheet)})
