"""Durations in words, and a countdown that does not jump."""

import math

# the time constant with which the shown time follows a new estimate: LEAST_PATIENCE seconds, or the share PART of the
# time left if that is longer
LEAST_PATIENCE, PART = 10.0, 0.1


def in_words(seconds: float) -> str:
    """A duration as text: 45 s, 12 min, 2.3 h, 4.1 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 36 else f"{hours / 24:.1f} days"


class Countdown:
    """The shown time left. It falls with the clock and moves towards each new estimate, more slowly if much is left."""

    def __init__(self) -> None:
        self._left: float | None = None
        self._at = 0.0

    def left(self, estimate: float, now: float) -> float:
        """The time left that is to be shown, in seconds.

        Args:
            estimate: the present estimate of the seconds left.
            now: the clock, in seconds.
        """
        if self._left is None:
            self._left, self._at = estimate, now
        passed = now - self._at
        fallen = max(self._left - passed, 0.0)
        weight = 1 - math.exp(-passed / max(LEAST_PATIENCE, PART * fallen))
        self._left, self._at = fallen + weight * (estimate - fallen), now
        return self._left
