"""The gap between a trial's score and its last probe; rungs compare the values of earlier probes."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mean

from search.journal.history import History, Trial
from spaces.spec import SearchSpec
from trainers.loss_config import END_TO_END


@dataclass(frozen=True)
class Gaps:
    """The mean and the extremes of score minus last probe, over the finished trials that reported both."""

    trials: int
    mean: float
    least: float
    most: float

    @property
    def none(self) -> bool:
        """Whether every score is its trial's last probe, to the last digit."""
        return self.least == self.most == 0


def gap_of(spec: SearchSpec, trial: Trial) -> float | None:
    """A finished trial's score minus its last probe; None if either is missing; trials of one stage have no probes."""
    if trial.family in END_TO_END:
        return None
    probe = trial.epochs.get(spec.representation.epochs, {}).get(spec.search.metric_key)
    return None if trial.score is None or probe is None else trial.score - probe


def gaps(spec: SearchSpec, history: History) -> Gaps | None:
    """The gaps of all finished trials, summarised; None if no finished trial has one."""
    found = [gap for trial in history.in_state("finished") if (gap := gap_of(spec, trial)) is not None]
    return Gaps(len(found), mean(found), min(found), max(found)) if found else None


def in_words(spec: SearchSpec, history: History) -> Iterator[str]:
    """The gaps in words, in one line; no line if there are none."""
    found = gaps(spec, history)
    if found is None:
        return
    if found.trials == 1:
        gap = f"in the one finished trial the score minus the last probe is {found.mean:+.4f}"
        every = "in the one finished trial"
    else:
        over = f"over {found.trials} finished trials the score minus the last probe is {found.mean:+.4f} on average"
        gap, every = f"{over}, {found.least:+.4f} to {found.most:+.4f}", f"in all {found.trials} finished trials"
    if spec.classifier.fine_tune:
        yield (
            f"the score is that of the fine-tuned encoder, and a probe that of the frozen one (classifier.fine_tune): "
            f"{gap}"
        )
    elif spec.classifier.solver == "adamw":
        yield (
            f"probe and score are two estimators (classifier.solver: adamw, as in every search that began before there "
            f"was a choice): {gap}"
        )
    elif found.none:
        yield (f"probe and score are one estimator: {every} the score is the last probe's value, to the last digit")
    else:
        yield f"a probe learns from fewer images than the classifier, by the same estimator: {gap}"
