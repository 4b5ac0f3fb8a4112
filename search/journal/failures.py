"""What failed trials share: their commonest error, and the searched values by which they differ from other trials."""

from collections import Counter
from collections.abc import Iterable, Sequence

from search.journal.history import Trial, Value


def in_words(failed: Sequence[Trial], others: Iterable[Trial]) -> str:
    """The commonest error of failed trials, and the values that separate them from the other trials, in a line.

    A field with numbers separates them if all its values in failed trials are above, or all below, those in the others.
    Any other field does if no other trial has a value that a failed trial has. If no field does, all are named.

    Args:
        failed: failed trials, at least one.
        others: trials that did not fail.
    """
    reason, times = Counter(trial.reason for trial in failed).most_common(1)[0]
    fine = list(others)
    told = [path for path in failed[0].values if _tells_apart(path, failed, fine)]
    named = [_range_of(path, failed) for path in told or failed[0].values]
    return f"{times} of them with: {reason}" + (f"; they had {', '.join(named)}" if named else "")


def _tells_apart(path: str, failed: Sequence[Trial], fine: Sequence[Trial]) -> bool:
    if not _values(path, failed) or not _values(path, fine):
        return False
    theirs, ours = _numbers(path, failed), _numbers(path, fine)
    if theirs and ours:
        return min(theirs) > max(ours) or max(theirs) < min(ours)
    return not set(_values(path, failed)) & set(_values(path, fine))


def _range_of(path: str, trials: Sequence[Trial]) -> str:
    if numbers := _numbers(path, trials):
        low, high = min(numbers), max(numbers)
        return f"{path} {low:.3g}" if low == high else f"{path} from {low:.3g} to {high:.3g}"
    return f"{path} {' or '.join(sorted({str(value) for value in _values(path, trials)}))}"


def _values(path: str, trials: Iterable[Trial]) -> list[Value]:
    return [trial.values[path] for trial in trials if path in trial.values]


def _numbers(path: str, trials: Sequence[Trial]) -> list[float]:
    """The trials' values at `path` if all of them are numbers; else an empty list."""
    values = _values(path, trials)
    numbers = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return numbers if len(numbers) == len(values) else []
