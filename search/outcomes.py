"""What the words return: plain values for a program, each with its lines for a person where there are any."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.config import DataConfig

if TYPE_CHECKING:
    from search.engine.confirmation import Confirmed
    from search.engine.plan import Calibration, Plan
    from search.evidence.evidence import Evidence
    from trainers.data import DataCheck


@dataclass(frozen=True, repr=False)
class Planned:
    """What a search would cost."""

    plan: "Plan"
    notes: tuple[str, ...]  # what somebody should know of it before it starts
    calibration: "Calibration | None"  # None where no epoch was timed
    lines: tuple[str, ...]  # all of it for a person

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
    state: str  # "damaged" where it cannot be read
    trials: int  # begun so far
    planned: int | None
    counts: str  # how many trials are in each state, in words
    best: BestTrial | None
    begun: str | None  # ISO 8601, in UTC
    seconds: float | None  # that its drivers ran
    waits: list[str]  # the words that it waits for: resume, confirm, export, sync
    data: str  # what it trains on; of a damaged search, what is wrong with it

    def as_json(self) -> dict[str, Any]:
        """Plain values, as `afcl list --json` prints them."""
        return asdict(self)


@dataclass(frozen=True, repr=False)
class Confirmation:
    """What a confirmation came to, and what it left.

    Everything but `confirmed` is None where the confirmation was interrupted or nothing finished.
    """

    confirmed: "Confirmed"
    evidence: "Evidence | None" = None
    verdict: Path | None = None  # the numbers: verdict.json
    page: Path | None = None  # the search's page; None also where plotly is not installed
    model: str | None = None  # models:/NAME/VERSION; None also where MLflow did not take it

    @property
    def sentences(self) -> list[str]:
        """The verdict in words; empty where there is none."""
        from search.evidence.evidence import in_words

        return [] if self.evidence is None else list(in_words(self.evidence))

    def __repr__(self) -> str:
        return "\n".join([f"<Confirmation {self.confirmed.folder.title}: {self.confirmed.ended}>", *self.sentences])


@dataclass(frozen=True)
class CheckedData:
    """A data set, counted."""

    counts: "DataCheck"
    config: DataConfig  # the section `data` of a spec that trains on it
    section: str | None = None  # what a spec says of it; only where a folder was given
    sheet: Path | None = None  # the picture that was asked for

    def as_json(self) -> dict[str, Any]:
        """Plain values, as `afcl data check --json` prints them."""
        return asdict(self.counts) | ({} if self.sheet is None else {"sheet": str(self.sheet)})
