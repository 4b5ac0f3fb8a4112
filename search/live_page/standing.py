"""How a search stands, as the page shows it: texts and numbers that later events do not change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from search.display.durations import in_words
from search.display.leaderboard import family_of
from search.display.tables import begun_at, what_waits
from search.engine.status import counts_line, planned_in, search_state, state_in_words
from search.evidence.headline import last_headline
from search.evidence.ranking import ranking
from search.evidence.standard_error import error_of_score
from search.journal.history import STATE_WORDS, Trial
from search.journal.labels import in_short, values_of
from search.live_page.following import Followed, path_of
from search.storage.published import STATE as PUBLISHED
from search.storage.redact import shown_uri
from search.storage.search_folder import FINAL


@dataclass(frozen=True)
class TrialRow:
    """One trial, in words."""

    number: int
    family: str  # with a mark if the trial is a baseline
    state: str
    epoch: str  # the epoch reached, of how many
    score: str  # of a finished trial, with its standard error; of others the latest value
    values: str
    reason: str
    run: str | None  # the address of its run in MLflow; None if no run is known


@dataclass(frozen=True)
class Group:
    """The trials of a search, or of one of its last steps or confirmations."""

    path: str  # NAME, or NAME/final-1
    title: str
    counts: str
    trials: tuple[TrialRow, ...]

    @property
    def running(self) -> list[TrialRow]:
        """The trials that are running."""
        return [trial for trial in self.trials if trial.state == "running"]


@dataclass(frozen=True)
class Standing:
    """One search, for the list and for its own page."""

    name: str
    state: str  # in words
    counts: str = ""
    ended: int = 0
    planned: int = 0
    best: str = ""  # the best score, with its standard error
    best_of: str = ""  # which trial has this score; also the number of seeds, if the score is a mean
    left: str = ""  # the time left, in words
    begun: str = ""
    took: str = ""
    waits: str = ""  # the commands that would come next
    said: str = ""  # what its last confirmation said, in a sentence
    is_published: bool = False  # whether it is a published result, which lacks its journal
    data: str = ""
    metric: str = ""
    problem: str = ""  # why the search cannot be shown, in one line
    note: str = ""  # a remark, such as how old a copy is
    groups: tuple[Group, ...] = field(default=())

    @property
    def is_running(self) -> bool:
        """Whether a driver runs the search."""
        return self.state == "running"


def not_shown(name: str, why: str, state: str = "damaged") -> Standing:
    """The standing of a search that cannot be shown: its state, and the first line of the reason `why`."""
    lines = why.strip().splitlines() or ["no reason is known"]
    return Standing(name, state, problem=shown_uri(lines[0]))


def standing_of(
    searched: Followed, inner: Sequence[Followed] = (), runs: Mapping[str, Mapping[int, str]] | None = None
) -> Standing:
    """How a search stands, from what was read of its journal.

    Args:
        searched: the search.
        inner: its last steps and confirmations.
        runs: the addresses of trials' runs in MLflow, by the folder's path as in `Group.path`, then by trial.
    """
    folder, history, known = searched.folder, searched.history, runs or {}
    state, spec = search_state(folder, history), searched.spec
    best, best_of = _best(searched)
    begun = begun_at(history)
    left = searched.seconds_left() if state == "running" else None
    return Standing(
        name=folder.name,
        state=state_in_words(state),
        counts=counts_line(folder, history),
        ended=searched.ended,
        planned=planned_in(folder, history),
        best=best,
        best_of=best_of,
        left="" if left is None or searched.ended >= planned_in(folder, history) else f"about {in_words(left)}",
        begun="" if begun is None else f"{datetime.fromisoformat(begun).astimezone():%Y-%m-%d %H:%M}",
        took=in_words(history.driven) if history.sessions else "",
        waits=", ".join(what_waits(folder, history, state)),
        said=last_headline(folder) or "",
        is_published=state == PUBLISHED,
        data=searched.about["provenance"]["data"]["description"],
        metric=spec.search.metric.replace("_", " "),
        groups=tuple(_group(one, known) for one in (searched, *inner)),
    )


def _best(searched: Followed) -> tuple[str, str]:
    """The best trial's score with its error, and which trial it is; two empty texts if no trial has finished."""
    ranked = ranking(searched.folder, searched.history)
    if not ranked.trials:
        return "", ""
    first = ranked.trials[0]
    named = f"trial {first.number}, {family_of(first)}"
    found = ranked.validated.get(first.number)
    if found is not None and found.scores:
        seeds = len(found.scores)
        return found.in_words(), f"{named}, the mean of {seeds} fresh seed{'s' if seeds > 1 else ''}"
    return _score(searched, first), named


def _score(followed: Followed, trial: Trial) -> str:
    validation = followed.about["provenance"]["data"].get("validation") or {}
    error = error_of_score(trial, followed.spec.search.metric, validation)
    return f"{trial.score:.4f}" + ("" if error is None else f" ± {error:.4f}")


def _group(followed: Followed, runs: Mapping[str, Mapping[int, str]]) -> Group:
    folder, history = followed.folder, followed.history
    path, is_search = path_of(folder), folder.searched is folder
    kind = "the last step" if folder.name.startswith(FINAL) else "a confirmation"
    return Group(
        path=path,
        title="trials" if is_search else f"{folder.name}, {kind} on fresh seeds",
        counts=counts_line(folder, history),
        trials=tuple(_row(followed, trial, runs.get(path, {})) for trial in history.trials.values()),
    )


def _row(followed: Followed, trial: Trial, runs: Mapping[int, str]) -> TrialRow:
    latest = trial.latest(followed.spec.search.metric_key)
    score = "" if latest is None else f"{latest:.4f}"
    return TrialRow(
        number=trial.number,
        family=family_of(trial) + (f" {trial.note}" if trial.note else ""),
        state=STATE_WORDS[trial.state],
        epoch=f"{trial.epoch} of {followed.spec.last_epoch(trial.family)}",
        score=_score(followed, trial) if trial.state == "finished" else score,
        values=values_of(trial),
        reason=shown_uri(in_short(trial)),
        run=runs.get(trial.number),
    )
