"""What has happened in a search so far, as its journal tells it.

The driver and all commands that only read use this replay of the journal; there is no other source.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from heapq import merge
from pathlib import Path
from typing import Any, Literal

from search.journal.event_shapes import misshapen
from search.journal.log import Event, damaged, read_events
from trainers.loss_config import END_TO_END, Family

State = Literal["pending", "running", "paused", "finished", "stopped", "failed"]
Value = float | int | str | bool
# the states as people read them; a pending trial waits for a worker, or for a resume, and a paused one at a rung
STATE_WORDS: dict[State, str] = {
    "finished": "finished",
    "stopped": "stopped",
    "failed": "failed",
    "running": "running",
    "paused": "paused",
    "pending": "begun",
}
BETWEEN_SESSIONS = frozenset({"known", "extended", "start"})  # no driver ran just before these events
ENDED: frozenset[State] = frozenset({"finished", "stopped", "failed"})


Action = Literal["continue", "stop", "spare", "pause"]


@dataclass(frozen=True)
class Decision:
    """What was decided about one trial at one rung, with the numbers that explain the decision."""

    trial: int
    epoch: int
    rung: int  # from 0
    value: float
    cutoff: float | None  # None: no trial of the bracket had reached the rung before, or trials pause there
    standing: int  # how many trials of the bracket had reached the rung before
    action: Action  # spare: ASHA would have stopped the trial, but it is exempt; pause: by search.algorithms.promotion
    bracket: int = 0  # trials compete only within a bracket; see search.algorithms.asha.bracket_of

    def reason(self) -> str:
        """How the value compares with the cutoff, in words."""
        where = f"rung {self.rung} (epoch {self.epoch})"
        if self.action == "pause":
            return f"{self.value:.4f} at {where}, as number {self.standing + 1} there"
        if self.cutoff is None:
            return f"first at {where} with {self.value:.4f}"
        side = "below" if self.value < self.cutoff else "not below"
        return f"{self.value:.4f} at {where}, {side} the cutoff {self.cutoff:.4f} of {self.standing} before it"


@dataclass
class Trial:
    """One trial, as its journal records it."""

    number: int
    family: Family
    baseline: bool
    values: dict[str, Value]  # the searched fields by path
    config: dict[str, Any]  # the whole TrialConfig as plain values
    asked_at: int  # ms since 1970, as are all times of the journal
    note: str = ""  # its label, if the family is not enough
    state: State = "pending"
    epochs: dict[int, dict[str, float]] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    score: float | None = None  # of a finished trial: the metric at its last epoch
    decided: float | None = None  # of a finished trial: what ranks it, if that is not the score (search.decide_by)
    expected: tuple[float, float] | None = None  # of a judged one: mean and deviation by the model of learning curves
    reason: str | None = None  # why it was stopped or failed
    by_values: bool = False  # of a failed trial: its values were the cause
    ended_at: int | None = None

    @property
    def kind(self) -> str:
        """The trial in short: its family, whether it is a baseline, and its note, such as CL trial 25, seed 81."""
        return " ".join([self.family, *(["baseline"] if self.baseline else []), *([self.note] if self.note else [])])

    @property
    def failed_by_its_values(self) -> bool:
        """Whether the trial failed because of its values."""
        return self.state == "failed" and self.by_values

    @property
    def ended_waiting(self) -> bool:
        """Whether the trial paused at a rung and never went on, because others did."""
        return self.state == "stopped" and bool(self.decisions) and self.decisions[-1].action == "pause"

    @property
    def merit(self) -> float:
        """The value that ranks a finished trial among those of the same `kind_of` (see `History.ranked`)."""
        return _score(self) if self.decided is None else self.decided

    @property
    def epoch(self) -> int:
        """The last epoch that was reported; 0 before the first."""
        return max(self.epochs, default=0)

    @property
    def rung(self) -> int | None:
        """The highest rung that was reached, counted from 0; None before the first."""
        return max((decision.rung for decision in self.decisions), default=None)

    @property
    def spared_at(self) -> int | None:
        """The epoch at which ASHA would have stopped the trial, were it not exempt; else None."""
        return next((decision.epoch for decision in self.decisions if decision.action == "spare"), None)

    def latest(self, metric: str) -> float | None:
        """The value of `metric` at the last reported epoch; None if that epoch lacks it, or none was reported."""
        return self.epochs[self.epoch].get(metric) if self.epochs else None


@dataclass
class History:
    """All trials of a search by number, and how its sessions went."""

    trials: dict[int, Trial] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)  # in the order in which they were taken
    sessions: list[Event] = field(default_factory=list)
    known: list[Trial] = field(default_factory=list)  # trials of an older search, which only the sampler uses
    promoted: dict[tuple[int, int], Event] = field(default_factory=dict)  # by trial and epoch, see Promotion
    judged: int = 0  # how many trials there were when the finished ones were judged by all curves
    extra: int = 0  # how many trials the search was extended by
    enough: Event | None = None  # why the rest of the plan was not begun, if it was luck (search.stop_when)
    after_enough: int = 0  # how many trials the search was extended by since
    closed: Event | None = None  # how the last session ended; None: it runs or was killed, or there was none
    time: int = 0  # when the last event happened
    driven: float = 0.0  # seconds that drivers ran, also killed ones
    budget_spent: float = 0.0  # the part of `driven` that counts for max_hours; 0 again once a budget is spent
    _told: dict[int, float | None] = field(default_factory=dict)  # `decided` of judged trials as of their ends
    _up: float = 0.0  # how many seconds the session had run at the last event

    def apply(self, event: Event) -> None:
        """Add one event. Unknown kinds are ignored: a later version may have written them."""
        self.time = event.get("time", self.time)
        passed = event.get("up", 0.0) - self._up if event["event"] not in BETWEEN_SESSIONS else 0.0
        self.driven += passed
        self.budget_spent += passed
        self._up = event.get("up", 0.0)
        handler = getattr(self, f"_on_{event['event']}", None)
        if handler is not None:
            handler(event)

    def _on_start(self, event: Event) -> None:
        self.sessions.append(event)
        self.closed = None
        self.nothing_runs()

    def _on_known(self, event: Event) -> None:
        """Add trials of an older search, from which this search's sampler starts."""
        for told in event["trials"]:
            decisions = [Decision(**decision) for decision in told["decisions"]]
            epochs = {int(epoch): metrics for epoch, metrics in told["epochs"].items()}
            expected = tuple(told["expected"]) if told.get("expected") else None
            self.known.append(Trial(**told | {"decisions": decisions, "epochs": epochs, "expected": expected}))

    def _on_judged(self, event: Event) -> None:
        """Rank the finished trials by what all learning curves let expect, less one standard deviation."""
        for number, mean, deviation in event["trials"]:
            trial = self.trials[number]
            self._told.setdefault(number, trial.decided)
            trial.expected, trial.decided = (mean, deviation), mean - deviation
        self.judged = len(self.trials)

    @property
    def lacks_judgement(self) -> bool:
        """Whether trials have been added since the finished ones were judged, in a search by promotion."""
        return bool(self.promoted) and self.judged < len(self.trials)

    def _on_extended(self, event: Event) -> None:
        """Plan more trials. Until all are judged anew, their own values rank them, those judged before included."""
        for number, own in self._told.items():
            self.trials[number].expected, self.trials[number].decided = None, own
        self._told.clear()
        self.extra += event["trials"]
        self.after_enough += 0 if self.enough is None else event["trials"]

    def _on_enough(self, event: Event) -> None:
        self.enough = event

    def _on_asked(self, event: Event) -> None:
        self.trials[event["trial"]] = Trial(
            number=event["trial"],
            family=event["family"],
            baseline=event["baseline"],
            values=event["values"],
            config=event["config"],
            asked_at=event["time"],
            note=event.get("note", ""),
        )

    def _on_launched(self, event: Event) -> None:
        self.trials[event["trial"]].state = "running"

    def _on_result(self, event: Event) -> None:
        trial = self.trials[event["trial"]]
        trial.epochs[event["epoch"]] = event["metrics"]
        trial.state = "running"

    def _on_decision(self, event: Event) -> None:
        decision = Decision(**{name: event[name] for name in Decision.__dataclass_fields__ if name in event})
        self.decisions.append(decision)
        trial = self.trials[decision.trial]
        trial.decisions.append(decision)
        if decision.action == "pause":
            trial.state = "paused"

    def _on_promoted(self, event: Event) -> None:
        self.promoted[event["trial"], event["epoch"]] = event
        self.trials[event["trial"]].state = "pending"

    def _on_end(self, event: Event) -> None:
        trial = self.trials[event["trial"]]
        trial.state, trial.reason, trial.score = event["state"], event["reason"], event["score"]
        trial.decided = event.get("decided")
        trial.by_values = event.get("by_values", _sounds_like_its_values(trial))
        trial.ended_at = event["time"]

    def _on_close(self, event: Event) -> None:
        self.closed = event
        if event["reason"] == "max_hours":
            self.budget_spent = 0.0
        self.nothing_runs()

    def nothing_runs(self) -> None:
        """Set running trials to pending: no driver has the search any more, and they wait for a resume."""
        for trial in self.in_state("running"):
            trial.state = "pending"

    def in_state(self, *states: State) -> list[Trial]:
        """Trials in any of the states, in the order of their numbers."""
        return [trial for trial in self.trials.values() if trial.state in states]

    def ranked(self) -> list[Trial]:
        """Finished trials, best first; of equal trials, that with the lower number first. Stopped trials are left out.

        If a value other than the score ranks trials (search.decide_by), it ranks only trials of the same kind (see
        `kind_of`): at equal accuracy, a head that is trained end to end is more confident than a probe. Trials of two
        kinds are compared by scores: the k-th trial of a kind takes the place of that kind's k-th best score.
        """
        kinds: defaultdict[Family | None, list[Trial]] = defaultdict(list)
        for trial in self.in_state("finished"):
            kinds[kind_of(trial.family)].append(trial)
        by_kind = [
            zip(sorted(-_score(trial) for trial in of_kind), sorted(of_kind, key=_place_in_kind), strict=True)
            for of_kind in kinds.values()
        ]
        # a merge, which keeps the order within each kind
        return [trial for _, trial in merge(*by_kind, key=lambda one: (one[0], one[1].number))]

    def counts(self) -> Counter[State]:
        """How many trials are in each state."""
        return Counter(trial.state for trial in self.trials.values())


def _score(trial: Trial) -> float:
    assert trial.score is not None, "a finished trial has a score"
    return trial.score


def _place_in_kind(trial: Trial) -> tuple[float, int]:
    return -trial.merit, trial.number


def kind_of(family: Family) -> Family | None:
    """The kind of a family: families of the same kind are scored by the same estimator.

    Only trials of the same kind can be compared by a measure of confidence. All families of two stages are one kind,
    which is None; each family of one stage is a kind of its own.
    """
    return family if family in END_TO_END else None


def _sounds_like_its_values(trial: Trial) -> bool:
    """Whether a failed trial's reason means that its values were the cause. Older journals do not record that."""
    reason = trial.reason or ""
    return trial.state == "failed" and (reason.startswith("diverged: ") or " is nan at " in reason)


def read_history(journal: Path) -> History:
    """Replay a journal from its file. Raises JournalError if a line is damaged or does not fit the lines before it."""
    history, offset = History(), 0
    for event, after in read_events(journal):
        if (field_ := misshapen(event)) is not None:
            raise damaged(journal, offset, f"is damaged: its {field_} is not what a line of its kind has")
        try:
            fits = _fits(history, event)
            history.apply(event)
        except (KeyError, TypeError, ValueError, AttributeError):
            fits = False
        if not fits:
            raise damaged(journal, offset, "does not fit those before it")
        offset = after
    return history


def _fits(history: History, event: Event) -> bool:
    """Whether an event may come next: a trial is asked for once, and reports at least one epoch before it finishes."""
    if event["event"] == "asked":
        return event["trial"] not in history.trials
    if event["event"] == "end" and event["state"] == "finished":
        return bool(history.trials[event["trial"]].epochs)
    return True


def best_of_cl(history: History) -> Trial | None:
    """The best finished trial of plain contrastive loss, baseline or not; None if none has finished."""
    return next((trial for trial in history.ranked() if trial.family == "CL"), None)
