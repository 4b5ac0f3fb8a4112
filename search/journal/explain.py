"""Why a trial ended as it did, in words, from the spec and the journal alone."""

from collections.abc import Iterator, Mapping, Sequence

from search.journal.history import STATE_WORDS, Decision, History, Trial
from search.journal.labels import by_epoch, is_on_a_seed, short, told_apart, values_of
from search.journal.log import Event
from search.journal.probe_gap import gap_of
from spaces.spec import SearchSpec
from trainers.errors import InputError

FEW = 9  # up to this many earlier values at a rung are all shown; if there are more, `_some_of` chooses
# metrics that one validation image changes by at most 1 / (images of its class × number of classes)
_SHARES = ("val_balanced_accuracy", "val_soft_balanced_accuracy")


def explain(
    spec: SearchSpec, history: History, number: int, validation: Mapping[str, int] | None = None
) -> Iterator[str]:
    """Explain one trial: its values, its decisions at rungs, and how it ended; a string for each line.

    Args:
        spec: the search's spec.
        history: the search's history.
        number: the trial's number.
        validation: the number of validation images of each class. With these numbers, the lines also say if the trial
            missed a cutoff by less than one image can change its value.

    Raises:
        InputError: there is no such trial.
    """
    if number not in history.trials:
        raise InputError(f"search {spec.name} has no trial {number}; it has {len(history.trials)}, from 0")
    return _lines(spec, history, history.trials[number], validation or {})


def _lines(spec: SearchSpec, history: History, trial: Trial, validation: Mapping[str, int]) -> Iterator[str]:
    origin = "a baseline, which is never stopped" if trial.baseline else f"proposed by {short(spec.search.sampler)}"
    if is_on_a_seed(trial):
        configuration, _, seed = trial.note.rpartition(", ")
        origin = f"a run of {configuration} on {seed}"
    yield f"trial {trial.number}, {trial.family}, {origin}: {values_of(trial)}"
    if trial.decisions and spec.deciding_key != spec.search.metric_key:
        yield f"rungs compare {spec.deciding_key}"
    for decision in trial.decisions:
        yield _decision(decision, history) + _hung_on(decision, spec.deciding_key, validation)
    if trial.state == "finished":
        yield from _from_probe(spec, trial)
        ranked = history.ranked()
        told = (trial.score, trial.decided)  # a trial with the same values is not better
        better = sum((other.score, other.decided) != told for other in ranked[: ranked.index(trial)])
        score = f"{spec.search.metric_key} {trial.score:.4f}"
        if trial.expected is not None:
            mean, deviation = trial.expected
            score += f", ranked by {trial.decided:.4f}, what all learning curves let expect ({mean:.4f}) less its "
            score += f"standard deviation ({deviation:.4f})"
        elif trial.decided is not None:
            score += f", ranked by {spec.deciding_key} {trial.decided:.4f}"
        others = "" if is_on_a_seed(trial) else f": {_of_others(better)} more"  # another seed is no better trial
        yield f"finished at epoch {trial.epoch} with {score}{others}"
    elif trial.state == "stopped":
        why = f": {by_epoch(trial.reason)}" if trial.ended_waiting and trial.reason else ""
        yield f"stopped at epoch {trial.epoch} of {spec.last_epoch(trial.family)}{why}"
    elif trial.state == "failed":
        yield f"failed after epoch {trial.epoch}: {by_epoch(trial.reason or '')}"
    else:
        yield f"{STATE_WORDS[trial.state]}, at epoch {trial.epoch} of {spec.last_epoch(trial.family)}"


def _from_probe(spec: SearchSpec, trial: Trial) -> Iterator[str]:
    """A line on the difference between a finished trial's score and its last probe; no line if either is missing."""
    gap = gap_of(spec, trial)
    if gap is None or trial.score is None:
        return
    line = f"its last probe, at epoch {spec.representation.epochs}, was {trial.score - gap:.4f}"
    if gap == 0:
        yield f"{line}; the score is that value"
        return
    why = "is learnt from all images, and"
    if spec.classifier.fine_tune:
        why = "is of the fine-tuned encoder, and"
    elif spec.classifier.solver == "adamw":
        why = "is by another estimator, and"
    yield f"{line}; the score {why} lies {abs(gap):.4f} {'above' if gap > 0 else 'below'}"


def _of_others(count: int) -> str:
    return {0: "none has", 1: "1 has"}.get(count, f"{count} have")


def _decision(decision: Decision, history: History) -> str:
    line = by_epoch(decision.reason())
    if decision.action == "pause":
        return f"{line}; it paused{_why_it_went_on(history.promoted.get((decision.trial, decision.epoch)))}"
    before = standing_before(decision, history)
    if before:
        line += f"; values at this rung before it: {_some_of(before, decision.cutoff)}"
    if decision.action == "continue":
        return line + "; it went on"
    value, cutoff = told_apart(decision.value, decision.cutoff or 0.0)
    decimals = len(value.partition(".")[2])
    lacked = (decision.cutoff or 0.0) - decision.value
    needed = f"it would have needed {cutoff}, {lacked:.{decimals}f} more"
    return f"{line}; {needed}; " + ("it was stopped" if decision.action == "stop" else "it is exempt and went on")


def _why_it_went_on(event: Event | None) -> str:
    """What followed a pause; "" as long as the trial waits."""
    if event is None:
        return ""
    rest = f"{event['came']} had come to the rung, {event['gone']} of them had gone on and {event['waiting']} waited"
    if event["expected"] is None:
        return f", and went on: {rest}, and its value was the best of these"
    return (
        f", and went on: {rest}, and by all learning curves it was the most promising of these: expected to end with "
        f"{event['expected']:.4f} ± {event['deviation']:.4f}"
    )


def _some_of(before: Sequence[Decision], cutoff: float | None) -> str:
    """The values in the earlier decisions `before` with their trials, as text. `before` is sorted, the largest first.

    If there are more than `FEW`, these are shown: the three largest, two on each side of the cutoff, and the smallest.
    """
    shown = set(range(len(before)))
    if len(before) > FEW:
        reached = sum(cutoff is None or other.value >= cutoff for other in before)
        shown &= {0, 1, 2, *range(reached - 2, reached + 2), len(before) - 1}
    parts, last = [], -1
    for place in sorted(shown):
        parts += ["…"] if place > last + 1 else []
        parts.append(f"{before[place].value:.4f} (trial {before[place].trial})")
        last = place
    return ", ".join(parts)


def _hung_on(decision: Decision, metric: str, validation: Mapping[str, int]) -> str:
    """A remark if the trial missed the cutoff by less than one validation image can change its value; else ""."""
    if decision.action == "continue" or decision.cutoff is None or not validation:
        return ""
    fewest = min(validation.values())
    if metric == "val_accuracy":
        one, which = 1 / sum(validation.values()), "one validation image"
    elif metric in _SHARES:
        one, which = 1 / (fewest * len(validation)), "one validation image"
        which += "" if fewest == max(validation.values()) else " of the rarest class"
    else:
        return ""
    return f"; that is less than {which} makes ({one:.4f})" if decision.cutoff - decision.value < one else ""


def standing_before(decision: Decision, history: History) -> list[Decision]:
    """The earlier decisions at the same rung of the same bracket, the largest value first."""
    place = (decision.bracket, decision.rung)
    earlier = history.decisions[: history.decisions.index(decision)]
    return sorted((other for other in earlier if (other.bracket, other.rung) == place), key=lambda other: -other.value)
