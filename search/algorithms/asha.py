"""ASHA's rule, with rungs that can be rebuilt from the journal and a reason for every stop.

Asynchronous successive halving in its stopping form (Li et al. 2020, arXiv 1810.05934; the rule is that of Ray Tune's
`ASHAScheduler`, as a test checks): a trial that reaches a rung goes on if its value is at least the (1 − 1/reduction)
quantile of the values that were at the rung before it. The first trial at a rung always goes on.
"""

import math
from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Sequence

from search.journal.history import Action, Decision
from spaces.spec import SearchSpec
from trainers.loss_config import END_TO_END, FAMILIES, Family
from trainers.seeds import derive_seed

FIRST_OWN_BRACKET = 1000  # the first bracket for the user's own losses, far above those of FAMILIES


def ladder(grace: int, reduction: float, last_epoch: int) -> tuple[int, ...]:
    """Epochs of the rungs: grace · reduction^k, as far as `last_epoch`."""
    epochs: list[int] = []
    while (epoch := int(grace * reduction ** len(epochs))) <= last_epoch:
        epochs.append(epoch)
    return tuple(epochs)


def from_the_end(grace: int, reduction: float, last_epoch: int) -> tuple[int, ...]:
    """Epochs of promotion's rungs: last_epoch / reduction^k, rounded up; none before `grace`, unless it is the only."""
    epochs: list[int] = []
    while (epoch := math.ceil(last_epoch / reduction ** (len(epochs) + 1))) >= max(grace, 1) or not epochs:
        if epochs and epoch == epochs[0]:
            break
        epochs.insert(0, epoch)
    return tuple(epochs)


def rung_epochs(spec: SearchSpec) -> tuple[int, ...]:
    """Epochs of a search's rungs, all in stage one, where values come from the probe; empty without a scheduler.

    A trial that is trained end to end has the same rungs, but its values come from its own head. It competes with its
    own family only (see `bracket_of`). With `end_to_end.match: passes` its epoch takes as many encoder passes as an
    epoch of stage one (with two views, two rounds of the images), so a rung costs the same in every family. With
    `match: epochs` its epoch takes one round, so the same rung costs less.

    With `solver: lbfgs` and no fine-tuning, the last epoch of stage one is no rung: only stage two's single step
    follows, so a stop there would save little.
    """
    scheduler, epochs = spec.search.scheduler, spec.representation.epochs
    is_score = spec.classifier.solver == "lbfgs" and not spec.classifier.fine_tune
    if scheduler.name == "none":
        return ()
    if scheduler.name == "promotion":
        return from_the_end(scheduler.first, scheduler.reduction, epochs)
    return ladder(scheduler.first, scheduler.reduction, epochs - 1 if is_score else epochs)


def bracket_of(spec: SearchSpec, family: Family) -> int:
    """The bracket in which a trial competes: 0, or its family's own.

    With `per_family` every family has its own bracket. Families that are trained end to end always have one: their head
    is only as good as its training so far, but a probe is a classifier that has converged on the current features. If
    a rung compared the two, it would stop all heads (on digits .4 against .8 after one epoch).
    """
    if not spec.search.per_family and family not in END_TO_END:
        return 0
    if family in FAMILIES:
        return FAMILIES.index(family)
    return FIRST_OWN_BRACKET + spec.own_families.index(family)


class Asha:
    """The rungs of one search. Values are finite, and larger is better."""

    def __init__(self, epochs: tuple[int, ...], reduction: float, exempt_share: float = 0.0, seed: int = 0) -> None:
        self.epochs = epochs
        self._reduction, self._exempt_share, self._seed = reduction, exempt_share, seed
        self._standing: defaultdict[tuple[int, int], list[float]] = defaultdict(list)  # ascending, by (bracket, rung)
        self._spared: set[int] = set()

    def decide(self, trial: int, epoch: int, value: float, *, exempt: bool, bracket: int = 0) -> Decision | None:
        """Decide on a trial's value at an epoch; None if the epoch is no rung, or if the trial was spared before.

        An `exempt` trial (a baseline) is spared instead of stopped. Call `record` after the decision is in the journal;
        until then it does not count.
        """
        if epoch not in self.epochs or trial in self._spared:
            return None
        rung = self.epochs.index(epoch)
        standing = self._standing[bracket, rung]
        cutoff = quantile(standing, (1 - 1 / self._reduction) * 100 / 100) if standing else None
        action: Action = "continue"
        if cutoff is not None and value < cutoff:
            action = "spare" if exempt or self._is_lucky(trial) else "stop"
        return Decision(trial, epoch, rung, value, cutoff, len(standing), action, bracket)

    def record(self, decision: Decision) -> None:
        """Make a decision count, now or in a replay."""
        insort(self._standing[decision.bracket, decision.rung], decision.value)
        if decision.action == "spare":
            self._spared.add(decision.trial)  # in plain ASHA the trial would not have reached the rungs above

    def replay(self, decisions: Iterable[Decision]) -> None:
        """Rebuild the rungs from decisions, in the order in which they were taken."""
        for decision in decisions:
            self.record(decision)

    def _is_lucky(self, trial: int) -> bool:
        return derive_seed(self._seed, "exempt", trial) / 2**31 < self._exempt_share


def quantile(ascending: Sequence[float], share: float) -> float:
    """NumPy's linear quantile of sorted values, the same to the last bit, but fast for ten thousand values too.

    Args:
        ascending: at least one value, the smallest first.
        share: from 0 to 1.
    """
    place = share * (len(ascending) - 1)
    below = int(place)
    low, high = ascending[below], ascending[min(below + 1, len(ascending) - 1)]
    part = place - below
    # interpolated from the nearer end, as NumPy does, so that both ends are exact
    return low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part)
